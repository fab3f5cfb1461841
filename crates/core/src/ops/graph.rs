//! Ops that concern the graph and copies: clone, detach, dtype changes, backward itself.

use std::rc::Rc;

use crate::autograd::{self, Hook, inplace, mode};
use crate::device::Device;
use crate::callback::{Kind, Remote, call};
use crate::{DType, Layout, Result, Tensor, attach, bail, ensure, handles, ops};

ops! {
    /// A copy with its own memory, at its place in the graph. Dense layouts are kept, as `torch.preserve_format` does.
    ///
    /// PyTorch: `torch.clone`.
    [torch tensor]
    fn clone(input: Tensor) -> Tensor {
        let out = Tensor::empty_like(input, input.dtype())?;
        out.copy_from(input)?;
        attach(&[&out], "CloneBackward0", &[input], &[], |ctx| Ok(vec![ctx.opt_grad(0).cloned()]));
        Ok(out)
    }

    /// This tensor in row-major memory: itself if it already is, else a copy.
    ///
    /// PyTorch: `Tensor.contiguous`.
    [tensor]
    fn contiguous(input: Tensor) -> Tensor {
        if input.is_contiguous() {
            return Ok(input.clone());
        }
        let out = Tensor::empty(input.shape(), input.dtype())?;
        out.copy_from(input)?;
        attach(&[&out], "CloneBackward0", &[input], &[], |ctx| Ok(vec![ctx.opt_grad(0).cloned()]));
        Ok(out)
    }

    /// The elements in another dtype; this tensor itself if it has it already.
    [private]
    fn to_dtype(input: Tensor, dtype: DType) -> Tensor {
        if input.dtype() == dtype {
            return Ok(input.clone());
        }
        let out = Tensor::empty_like(input, dtype)?;
        out.copy_from(input)?;
        if input.dtype().is_float() {
            attach(&[&out], "ToCopyBackward0", &[input], &[], |ctx| Ok(vec![ctx.opt_grad(0).cloned()]));
        }
        Ok(out)
    }

    /// The elements on a device, by its number; this tensor itself if it is there. Its gradient goes back to where it came from.
    [private mixed]
    fn to_device(input: Tensor, device: i64) -> Tensor {
        let Some(to) = Device::from_code(device as u32) else { bail!(Internal, "no device has number {device}") };
        let from = input.device();
        if from == to {
            return Ok(input.clone());
        }
        let out = input.to_device(to)?;
        attach(&[&out], "ToCopyBackward0", &[input], &[], move |ctx| {
            Ok(vec![ctx.opt_grad(0).map(|g| g.to_device(from)).transpose()?])
        });
        Ok(out)
    }

    /// The same elements outside the graph; memory is shared, and a write through either is seen by both.
    ///
    /// PyTorch: `torch.detach`.
    [torch tensor]
    fn detach(input: Tensor) -> Tensor {
        Ok(input.detach())
    }

    /// Takes this tensor out of the graph in place: it becomes a leaf.
    ///
    /// PyTorch: `Tensor.detach_`.
    [torch tensor]
    fn detach_(input: Tensor) -> () {
        ensure!(
            input.base().is_none() || !input.requires_grad(),
            Autograd,
            "detach_: Can't detach views in-place. Use detach() instead."
        );
        input.inner().meta.borrow_mut().set_edge(None);
        input.set_requires_grad(false);
        Ok(())
    }

    /// Overwrites this tensor with another, which is broadcast and cast to it.
    ///
    /// PyTorch: `Tensor.copy_`.
    [private mixed]
    fn copy_(input: Tensor, src: Operand) -> () {
        inplace::copy_into("copy_", input, src)
    }

    /// Marks a leaf as wanting its gradient, or not.
    [private]
    fn requires_grad_(input: Tensor, requires_grad: bool) -> () {
        ensure!(
            input.dtype().is_float() || !requires_grad,
            Autograd,
            "requiresGrad_: only Tensors of floating point dtype can require gradients, not {}",
            input.dtype()
        );
        ensure!(
            input.is_leaf() || requires_grad,
            Autograd,
            "requiresGrad_: you can only change requires_grad flags of leaf variables. If you want to use a computed \
             variable in a subgraph that doesn't require differentiation use detach()."
        );
        if input.is_leaf() {
            input.set_requires_grad(requires_grad);
        }
        Ok(())
    }

    /// The accumulated gradient.
    [private]
    fn get_grad(input: Tensor) -> Option<Tensor> {
        Ok(input.grad())
    }

    /// The accumulated gradients of several tensors.
    [private mixed]
    fn get_grads(tensors: Vec<Tensor>) -> Vec<Option<Tensor>> {
        Ok(tensors.iter().map(Tensor::grad).collect())
    }

    /// The positions of those that have a gradient.
    [private mixed]
    fn with_grad(tensors: Vec<Tensor>) -> Vec<i64> {
        Ok((0..tensors.len() as i64).filter(|&i| tensors[i as usize].has_grad()).collect())
    }

    /// Forgets the gradients of several tensors, or takes them out of the graph and fills them with zeros.
    [private mixed]
    fn zero_grads(tensors: Vec<Tensor>, set_to_none: bool) -> () {
        for t in tensors {
            if set_to_none {
                t.set_grad(None);
            } else if let Some(grad) = t.grad() {
                grad.inner().meta.borrow_mut().set_edge(None);
                grad.set_requires_grad(false);
                grad.fill(0)?;
                grad.storage().bump();
            }
        }
        Ok(())
    }

    /// Replaces the accumulated gradient.
    [private]
    fn set_grad(input: Tensor, grad: Option<Tensor>) -> () {
        if let Some(g) = grad {
            ensure!(
                g.shape() == input.shape() && g.dtype() == input.dtype(),
                Shape,
                "assigned grad has shape {:?} and dtype {}, but the tensor has {:?} and {}",
                g.shape(), g.dtype(), input.shape(), input.dtype()
            );
        }
        input.set_grad(grad.cloned());
        Ok(())
    }

    /// Replaces memory, layout and dtype of one handle's tensor by another's (`x.data = y`): the leaf keeps its gradient.
    [private]
    fn version(input: Tensor) -> i64 {
        Ok(input.storage().version() as i64)
    }

    /// Notes a write that was done from outside.
    [private]
    fn bump_version(input: Tensor) -> () {
        input.storage().bump();
        Ok(())
    }

    /// Backward from these tensors into the leaves' gradients (or those of `inputs`, when there are any).
    [private mixed]
    fn backward(tensors: Vec<Tensor>, grads: Vec<Option<Tensor>>, retain_graph: bool, create_graph: bool,
                inputs: Vec<Tensor>) -> () {
        autograd::backward(tensors, grads, retain_graph, create_graph, (!inputs.is_empty()).then_some(inputs))
    }

    /// The gradients of `inputs`.
    [private mixed]
    fn grad(outputs: Vec<Tensor>, inputs: Vec<Tensor>, grads: Vec<Option<Tensor>>, retain_graph: bool,
            create_graph: bool) -> Vec<Option<Tensor>> {
        autograd::grad(outputs, grads, inputs, retain_graph, create_graph)
    }

    /// Makes a computed tensor keep its gradient.
    ///
    /// PyTorch: `Tensor.retain_grad`.
    [tensor]
    fn retain_grad(input: Tensor) -> () {
        ensure!(input.requires_grad(), Autograd, "retainGrad: can't retain_grad on Tensor that has requires_grad=False");
        autograd::retain_grad(input);
        Ok(())
    }

    /// Whether `retainGrad` was called on this computed tensor.
    [private]
    fn retains_grad(input: Tensor) -> bool {
        Ok(autograd::retains_grad(input))
    }

    /// Registers TypeScript function `id` as a hook on the gradient; returns the number `remove_hook` takes.
    [private]
    fn register_hook(input: Tensor, id: i64) -> i64 {
        ensure!(
            input.requires_grad(),
            Autograd,
            "registerHook: cannot register a hook on a tensor that doesn't require gradient"
        );
        let hook = Hook::Remote(Rc::new(Remote(id as u64)));
        Ok(autograd::register_hook(input, hook) as i64)
    }

    /// Removes a hook.
    [private]
    fn remove_hook(input: Tensor, id: i64) -> () {
        autograd::remove_hook(input, id as u64);
        Ok(())
    }

    /// Joins a custom function to the graph: `outs` were computed from `inputs` by TypeScript, whose function `id`
    /// computes the gradients. `saved` are handed back to it.
    [private]
    fn custom_function(name: String, outs: Vec<Tensor>, inputs: Vec<Tensor>, saved: Vec<Tensor>, id: i64) -> () {
        let remote = Remote(id as u64);
        let outs: Vec<&Tensor> = outs.iter().collect();
        let inputs: Vec<&Tensor> = inputs.iter().collect();
        let saved: Vec<Option<&Tensor>> = saved.iter().map(Some).collect();
        let (n_out, n_in, n_saved) = (outs.len(), inputs.len(), saved.len());
        autograd::attach_remote(&outs, intern(name), &inputs, &saved, remote, move |ctx| {
            // All of them before the first has a number, which nobody would release if a later one failed.
            let tensors = (0..n_out).map(|i| ctx.grad(i)).chain((0..n_saved).map(|i| ctx.saved(i)));
            let tensors = tensors.collect::<Result<Vec<Tensor>>>()?;
            let mut words: Vec<f64> = tensors.into_iter().map(|t| f64::from(handles::put(t))).collect();
            for i in 0..n_in {
                words.push(ctx.needs(i) as u8 as f64);
            }
            let out = call(Kind::Backward, ctx.remote()?.0, &words)?;
            let mut out = out.into_iter();
            let mut grads = Vec::with_capacity(n_in);
            while let Some(present) = out.next() {
                grads.push(match out.next() {
                    Some(h) if present != 0.0 => Some(handles::take(h as u32)?),
                    _ => None,
                });
            }
            if grads.len() != n_in {
                bail!(Autograd, "backward returned {} gradients for {n_in} inputs", grads.len());
            }
            Ok(grads)
        });
        Ok(())
    }

    /// A new tensor over the same memory at the same place in the graph.
    [private]
    fn shallow_copy(input: Tensor) -> Tensor {
        Ok(input.shallow_copy())
    }

    /// Another layout over the same memory, outside the graph (for `x.data` and `set_`).
    [private]
    fn alias_layout(input: Tensor, size: Vec<i64>, stride: Vec<i64>, offset: i64) -> Tensor {
        let layout = Layout {
            shape: size.iter().map(|&n| n as usize).collect(),
            strides: stride.iter().map(|&s| s as isize).collect(),
            offset: offset as usize,
        };
        ensure!(
            (layout.offset + layout.span()) * input.dtype().size() <= input.storage().bytes(),
            Runtime,
            "setStorage: sizes {size:?}, strides {stride:?} and offset {offset} are out of bounds for storage of {} bytes",
            input.storage().bytes()
        );
        Ok(input.alias(layout))
    }

    /// Turns anomaly detection on or off; returns what it was.
    [private]
    fn set_anomaly(on: bool) -> bool {
        Ok(mode::set_anomaly(on))
    }

    /// Whether two handles name the same memory.
    ///
    /// PyTorch: `Tensor.is_set_to`, but for the layout.
    [private mixed]
    fn same_storage(input: Tensor, other: Tensor) -> bool {
        Ok(input.storage().same(other.storage()))
    }

    /// The type two dtypes promote to, by code.
    [private]
    fn promote_types(a: DType, b: DType) -> DType {
        Ok(crate::promote::promote_types(a, b))
    }

    /// The dtype in which an op on these two would be computed.
    ///
    /// PyTorch: `torch.result_type`.
    [torch mixed]
    fn result_type(tensor1: Operand, tensor2: Operand) -> DType {
        Ok(crate::promote::result_type(&[tensor1, tensor2]))
    }

    /// Sets what float numbers become.
    [private]
    fn set_default_dtype(dtype: DType) -> () {
        ensure!(dtype.is_float(), Type, "setDefaultDtype: only floating-point types are supported as the default type, not {dtype}");
        crate::promote::set_default_dtype(dtype);
        Ok(())
    }
}

use crate::call::Operand;

/// Node names live as long as the program; a custom function's class has one name.
fn intern(name: &str) -> &'static str {
    thread_local! {
        static NAMES: std::cell::RefCell<std::collections::HashSet<&'static str>> = Default::default();
    }
    NAMES.with(|names| {
        let mut names = names.borrow_mut();
        if let Some(&known) = names.get(name) {
            return known;
        }
        let leaked: &'static str = Box::leak(name.to_string().into_boxed_str());
        names.insert(leaked);
        leaked
    })
}

/// `sum += grad` on memory nobody else sees: no graph, no version.
pub(crate) fn add_into(sum: &Tensor, grad: &Tensor) -> Result<()> {
    let out = autograd::no_grad(|| {
        crate::pointwise::set_target(Some(sum.clone()));
        let out = ops::add(sum, grad);
        crate::pointwise::set_target(None);
        out
    })?;
    if !out.storage().same(sum.storage()) {
        sum.copy_from(&out)?;
    }
    Ok(())
}

