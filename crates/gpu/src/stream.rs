//! The commands that are recorded but not submitted: one encoder with one compute pass, to which every kernel is appended.
//!
//! Submitting costs most, then a pass, then a bind group, then a dispatch. So a pass stays open until somebody reads or enough
//! work has gathered; WebGPU orders the dispatches of a pass that touch the same buffer. Uniforms of all dispatches lie in
//! one buffer and are written with the submission; bind groups are kept by the buffers that they name.

use std::collections::HashMap;

use crate::counters::bump;
use crate::device::Gpu;
use crate::pipeline::{Key, MAX_BINDINGS, PARAMS, Signature};
use crate::pool::Buffer;
use crate::transfer::Staging;

/// Bytes for the uniforms of one submission.
const UNIFORMS: u64 = 256 << 10;
/// Work after which commands are submitted, in elementary operations: some tens of milliseconds on a slow GPU, so that
/// a page's pictures are not held up behind one long submission.
const WORK: u64 = 4 << 30;
/// Bind groups that are kept; a loop over new buffers without end must not keep them all.
const GROUPS: usize = 4096;

#[derive(Default)]
pub(crate) struct Stream {
    /// The number of the open submission.
    pub serial: u64,
    open: Option<Open>,
    /// Uniforms of the open submission, to be written with it.
    uniforms: Vec<u8>,
    uniform_buffer: Option<wgpu::Buffer>,
    work: u64,
    groups: HashMap<GroupKey, wgpu::BindGroup>,
    /// Memory for reading that nobody uses.
    pub staging: Vec<Staging>,
}

impl Stream {
    /// Drops the bind groups of buffers that are gone.
    pub fn forget(&mut self, gone: &[u64]) {
        self.groups.retain(|key, _| !key.buffers.iter().any(|id| gone.contains(id)));
    }
}

struct Open {
    // The pass goes before its encoder.
    pass: wgpu::ComputePass<'static>,
    encoder: wgpu::CommandEncoder,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct GroupKey {
    signature: Signature,
    buffers: [u64; MAX_BINDINGS],
}

/// One run of a kernel on the device.
pub(crate) struct Dispatch<'a> {
    pub key: Key,
    /// The text, if it has to be compiled.
    pub text: &'a dyn Fn() -> String,
    /// What binding k + 1 is, and whether it is written. No buffer may stand here twice if any of the two is written.
    pub bindings: &'a [(&'a Buffer, bool)],
    pub params: &'a [u32],
    pub groups: [u32; 3],
    /// Roughly how many elementary operations it takes.
    pub work: u64,
}

impl Gpu {
    /// Appends a kernel to the open pass.
    pub(crate) fn dispatch(&self, d: &Dispatch) {
        if d.groups.contains(&0) {
            return;
        }
        debug_assert!(d.bindings.len() <= MAX_BINDINGS && d.params.len() as u64 * 4 <= PARAMS, "{}", d.key.kernel);
        let mut signature = Signature { count: d.bindings.len() as u8, written: 0 };
        let mut key = [u64::MAX; MAX_BINDINGS];
        for (k, (buffer, written)) in d.bindings.iter().enumerate() {
            signature.written |= (*written as u8) << k;
            key[k] = buffer.0.block.0.id;
        }
        let layout = self.layout(signature);
        let pipeline = self.pipeline(d.key, signature, &layout, d.text);

        let align = self.0.limits.min_uniform_buffer_offset_alignment as usize;
        let full = {
            let s = self.0.stream.borrow();
            s.uniforms.len().next_multiple_of(align) as u64 + PARAMS > UNIFORMS || s.work >= WORK
        };
        if full {
            self.flush();
        }
        let stream = &mut *self.0.stream.borrow_mut();
        let offset = stream.uniforms.len().next_multiple_of(align);
        stream.uniforms.resize(offset, 0);
        d.params.iter().for_each(|v| stream.uniforms.extend_from_slice(&v.to_ne_bytes()));
        stream.work += d.work;
        for (buffer, _) in d.bindings {
            buffer.0.block.0.used.set(stream.serial);
        }

        let key = GroupKey { signature, buffers: key };
        if !stream.groups.contains_key(&key) {
            let group = self.group(stream, &layout.group, d);
            if stream.groups.len() >= GROUPS {
                stream.groups.clear();
            }
            stream.groups.insert(key, group);
        }
        let pass = &mut stream.open.get_or_insert_with(|| self.begin()).pass;
        bump(&self.0.counting.dispatches);
        #[cfg(test)]
        crate::testing::note(d.key);
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &stream.groups[&key], &[offset as u32]);
        pass.dispatch_workgroups(d.groups[0], d.groups[1], d.groups[2]);
    }

    fn group(&self, stream: &mut Stream, layout: &wgpu::BindGroupLayout, d: &Dispatch) -> wgpu::BindGroup {
        let uniforms = stream.uniform_buffer.get_or_insert_with(|| {
            bump(&self.0.counting.buffers);
            self.0.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("uniforms"),
                size: UNIFORMS,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        });
        bump(&self.0.counting.bind_groups);
        let params = wgpu::BufferBinding { buffer: uniforms, offset: 0, size: std::num::NonZeroU64::new(PARAMS) };
        let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(params) }];
        for (k, (buffer, _)) in d.bindings.iter().enumerate() {
            let resource = buffer.0.block.0.raw.as_entire_binding();
            entries.push(wgpu::BindGroupEntry { binding: k as u32 + 1, resource });
        }
        self.0.device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
    }

    fn begin(&self) -> Open {
        let label = wgpu::CommandEncoderDescriptor { label: None };
        let mut encoder = self.0.device.create_command_encoder(&label);
        bump(&self.0.counting.passes);
        let pass = encoder.begin_compute_pass(&Default::default()).forget_lifetime();
        Open { pass, encoder }
    }

    /// Submits what was recorded, if anything was.
    pub fn flush(&self) {
        self.submit(None);
    }

    /// Ends the pass, appends `last`, if there is one, and submits.
    pub(crate) fn submit(&self, last: Option<&dyn Fn(&mut wgpu::CommandEncoder)>) {
        let mut stream = self.0.stream.borrow_mut();
        let mut encoder = match (stream.open.take(), last) {
            (Some(Open { pass, encoder }), _) => {
                drop(pass);
                encoder
            }
            (None, Some(_)) => self.0.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None }),
            (None, None) => return,
        };
        if let Some(last) = last {
            last(&mut encoder);
        }
        if let (Some(buffer), false) = (&stream.uniform_buffer, stream.uniforms.is_empty()) {
            // Written in the queue's order: after earlier submissions, before this one.
            self.0.queue.write_buffer(buffer, 0, &stream.uniforms);
        }
        bump(&self.0.counting.submits);
        self.0.queue.submit([encoder.finish()]);
        stream.serial += 1;
        stream.uniforms.clear();
        stream.work = 0;
        drop(stream);
        let keep = self.0.pool.borrow().allowance();
        self.trim(keep);
    }
}
