//! Compiled kernels and the layouts of what they are bound to, each made once.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::counters::bump;
use crate::device::Gpu;
use crate::wgsl::Scalar;

/// What a kernel is compiled for: its name, and which of its texts (dtypes, aliases, layouts; never a shape).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key {
    pub kernel: &'static str,
    pub variant: u64,
}

/// Storage buffers that a kernel may be bound to, as every adapter of WebGPU grants them.
pub(crate) const MAX_BINDINGS: usize = 8;
/// Bytes of uniforms that a kernel can see.
pub(crate) const PARAMS: u64 = 1024;

/// Which bindings there are: a bit for each storage buffer, set where it is written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Signature {
    pub count: u8,
    pub written: u8,
}

pub(crate) struct Layout {
    pub group: wgpu::BindGroupLayout,
    pub pipeline: wgpu::PipelineLayout,
}

#[derive(Default)]
pub(crate) struct Pipelines {
    layouts: HashMap<Signature, Rc<Layout>>,
    pipelines: HashMap<(Key, Signature), wgpu::ComputePipeline>,
    /// Expressions and types for which every function was found.
    known: HashSet<(&'static str, Scalar)>,
}

impl Gpu {
    /// The layout of a signature: uniforms at a dynamic offset as binding 0, then the storage buffers. Layouts are made
    /// explicitly, since a pipeline's own would fit no other pipeline's bind groups.
    pub(crate) fn layout(&self, signature: Signature) -> Rc<Layout> {
        let mut pipelines = self.0.pipelines.borrow_mut();
        if let Some(layout) = pipelines.layouts.get(&signature) {
            return layout.clone();
        }
        let entry = |binding, ty, has_dynamic_offset| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset, min_binding_size: None },
            count: None,
        };
        let mut entries = vec![entry(0, wgpu::BufferBindingType::Uniform, true)];
        for k in 0..signature.count {
            let read_only = signature.written >> k & 1 == 0;
            entries.push(entry(k as u32 + 1, wgpu::BufferBindingType::Storage { read_only }, false));
        }
        let device = &self.0.device;
        let group =
            device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries });
        let pipeline = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&group)],
            immediate_size: 0,
        });
        let layout = Rc::new(Layout { group, pipeline });
        pipelines.layouts.insert(signature, layout.clone());
        layout
    }

    /// The pipeline of a key; `text` is called when it was never compiled.
    pub(crate) fn pipeline(
        &self,
        key: Key,
        signature: Signature,
        layout: &Layout,
        text: &dyn Fn() -> String,
    ) -> wgpu::ComputePipeline {
        if let Some(p) = self.0.pipelines.borrow().pipelines.get(&(key, signature)) {
            return p.clone();
        }
        bump(&self.0.counting.pipelines);
        let text = text();
        #[cfg(test)]
        crate::testing::keep_text(key, &text);
        // A browser wants to be told, and naga refuses the line.
        let text = if cfg!(target_arch = "wasm32") && text.contains("subgroup") {
            format!("enable subgroups;\n{text}")
        } else {
            text
        };
        let source =
            wgpu::ShaderModuleDescriptor { label: Some(key.kernel), source: wgpu::ShaderSource::Wgsl(text.into()) };
        // Safety: loops of our kernels end; the counters that wgpu would add to each cost much. Bounds are checked by it.
        let module = unsafe {
            let checks =
                wgpu::ShaderRuntimeChecks { force_loop_bounding: false, ..wgpu::ShaderRuntimeChecks::checked() };
            self.0.device.create_shader_module_trusted(source, checks)
        };
        let pipeline = self.0.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(key.kernel),
            layout: Some(&layout.pipeline),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                // No kernel reads workgroup memory that it did not write.
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        });
        self.0.pipelines.borrow_mut().pipelines.insert((key, signature), pipeline.clone());
        pipeline
    }

    /// Asks once whether an expression can be printed for a type, and remembers that it can.
    pub(crate) fn knows<E>(
        &self,
        kernel: &'static str,
        t: Scalar,
        ask: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.0.pipelines.borrow().known.contains(&(kernel, t)) {
            ask()?;
            self.0.pipelines.borrow_mut().known.insert((kernel, t));
        }
        Ok(())
    }
}
