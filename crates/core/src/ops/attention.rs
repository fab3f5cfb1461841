//! Attention.

use crate::autograd::composite;
use crate::losses::number;
use crate::{DType, Result, Tensor, bail, ensure, ops};

/// What is added to the scores: minus infinity where a bool mask says that a place does not take part.
fn as_bias(op: &str, mask: &Tensor, takes_part: bool, dtype: DType) -> Result<Tensor> {
    if mask.dtype() != DType::Bool {
        ensure!(mask.dtype().is_float(), DType, "{op}: only bool and floating types of masks are supported, got {}", mask.dtype());
        return ops::to_dtype(mask, dtype);
    }
    let (zero, never) = (Tensor::zeros(&[], dtype)?, Tensor::full(&[], f64::NEG_INFINITY, dtype)?);
    if takes_part { ops::where_(mask, &zero, &never) } else { ops::where_(mask, &never, &zero) }
}

/// True on and below the diagonal of `[rows, columns]`.
fn lower_triangle(rows: usize, columns: usize) -> Result<Tensor> {
    let cells = (0..rows * columns).map(|i| crate::lane::Bool((i % columns <= i / columns) as u8));
    Tensor::from_slice(&cells.collect::<Vec<_>>(), &[rows, columns])
}

/// Softmax of scores, which may be masked, and dropout.
fn weights(scores: &Tensor, bias: Option<&Tensor>, dropout: f64) -> Result<Tensor> {
    let scores = bias.map_or(Ok(scores.clone()), |b| ops::add(scores, b))?;
    let out = ops::softmax(&scores, -1, None)?;
    if dropout > 0.0 { ops::dropout(&out, dropout, true, false) } else { Ok(out) }
}

fn transpose_last(t: &Tensor) -> Result<Tensor> {
    ops::transpose(t, -2, -1)
}

fn rows(t: &Tensor, start: i64, n: i64) -> Result<Tensor> {
    ops::narrow(t, 0, &Tensor::number(start)?, n)
}

/// `bias` with `n` columns of zeros appended, for keys that are never masked.
fn widen(bias: Option<Tensor>) -> Result<Option<Tensor>> {
    let Some(b) = bias else { return Ok(None) };
    let mut shape = b.shape().to_vec();
    *shape.last_mut().expect("masks have dimensions") = 1;
    ops::cat(&[b.clone(), Tensor::zeros(&shape, b.dtype())?], -1).map(Some)
}

ops! {
    /// softmax(query keyᵀ scale + mask) value: `[..., L, E]`, `[..., S, E]` and `[..., S, Ev]` to `[..., L, Ev]`. A bool mask
    /// is true where a place takes part, a float one is added. Default: `scale` is 1 / √E.
    ///
    /// PyTorch: `torch.nn.functional.scaled_dot_product_attention`.
    [F]
    fn scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Option<Tensor> = None,
            dropout_p: f64 = 0.0, is_causal: bool = false, scale: Option<f64> = None, enable_gqa: bool = false) -> Tensor {
        const OP: &str = "scaledDotProductAttention";
        for (what, t) in [("query", query), ("key", key), ("value", value)] {
            ensure!(t.ndim() >= 2, Shape, "{OP}: {what} must have at least 2 dimensions, got shape {:?}", t.shape());
        }
        ensure!(
            !is_causal || attn_mask.is_none(),
            Runtime,
            "{OP}: Explicit attn_mask should not be set when is_causal=True"
        );
        let e = query.shape()[query.ndim() - 1];
        let root = scale.unwrap_or(1.0 / (e as f64).sqrt()).sqrt();
        let (mut key, mut value) = (key.clone(), value.clone());
        if enable_gqa {
            let heads = |t: &Tensor| t.shape()[t.ndim() - 3] as i64;
            let (h, k, v) = (heads(query), heads(&key), heads(&value));
            key = ops::repeat_interleave(&key, h / k, Some(-3), None)?;
            value = ops::repeat_interleave(&value, h / v, Some(-3), None)?;
        }
        // Both factors are scaled by the root, which keeps the product from overflowing (aten's math path).
        let q = ops::mul(query, &number(root)?)?;
        let k = ops::mul(&key, &number(root)?)?;
        let scores = ops::matmul(&q, &transpose_last(&k)?)?;
        let mask = match attn_mask {
            Some(m) => Some(as_bias(OP, m, true, query.dtype())?),
            None if is_causal => {
                let triangle = lower_triangle(query.shape()[query.ndim() - 2], key.shape()[key.ndim() - 2])?;
                Some(as_bias(OP, &triangle, true, query.dtype())?)
            }
            None => None,
        };
        let out = ops::matmul(&weights(&scores, mask.as_ref(), dropout_p)?, &value)?;
        let flash = query.ndim() == 4 && dropout_p == 0.0;
        if !flash {
            return Ok(out);
        }
        let inputs: Vec<&Tensor> = [Some(query), Some(&key), Some(&value), attn_mask].into_iter().flatten().collect();
        composite("ScaledDotProductFlashAttentionForCpuBackward0", &inputs, Ok(out))
    }

    /// What `nn.MultiheadAttention` computes, from its parameters: `[L, N, E]`, `[S, N, E]`, `[S, N, E]` (or without N) to
    /// the output `[L, N, E]` and, when `needWeights`, the weights `[N, L, S]`, averaged over the heads.
    ///
    /// PyTorch: `torch.nn.functional.multi_head_attention_forward`.
    [F]
    fn multi_head_attention_forward(query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: i64, num_heads: i64,
            in_proj_weight: Option<Tensor>, in_proj_bias: Option<Tensor>, bias_k: Option<Tensor>, bias_v: Option<Tensor>,
            add_zero_attn: bool, dropout_p: f64, out_proj_weight: Tensor, out_proj_bias: Option<Tensor>,
            training: bool = true, key_padding_mask: Option<Tensor> = None, need_weights: bool = true,
            attn_mask: Option<Tensor> = None, use_separate_proj_weight: bool = false, q_proj_weight: Option<Tensor> = None,
            k_proj_weight: Option<Tensor> = None, v_proj_weight: Option<Tensor> = None, static_k: Option<Tensor> = None,
            static_v: Option<Tensor> = None, average_attn_weights: bool = true, is_causal: bool = false)
            -> (attn_output: Tensor, attn_output_weights: Option<Tensor>) {
        const OP: &str = "multiHeadAttentionForward";
        let batched = query.ndim() == 3;
        ensure!(batched || query.ndim() == 2, Shape, "{OP}: query should be unbatched 2D or batched 3D tensor but received {}-D query tensor", query.ndim());
        ensure!(
            key.ndim() == query.ndim() && value.ndim() == query.ndim(),
            Shape,
            "{OP}: For {0}-D query, expected key and value to be {0}-D but found {1}-D and {2}-D tensors respectively",
            query.ndim(), key.ndim(), value.ndim()
        );
        ensure!(!is_causal || attn_mask.is_some(), Runtime, "{OP}: Need attn_mask if specifying the is_causal hint.");
        let batch = |t: &Tensor| if batched { Ok(t.clone()) } else { ops::unsqueeze(t, 1) };
        let (query, key, value) = (batch(query)?, batch(key)?, batch(value)?);
        let (len, n, e) = (query.shape()[0] as i64, query.shape()[1] as i64, query.shape()[2] as i64);
        ensure!(e == embed_dim_to_check, Shape, "{OP}: was expecting embedding dimension of {embed_dim_to_check}, but got {e}");
        ensure!(num_heads > 0 && e % num_heads == 0, Shape, "{OP}: embed_dim {e} not divisible by num_heads {num_heads}");
        let head = e / num_heads;

        let part = |i: i64| -> Result<(Tensor, Option<Tensor>)> {
            let b = in_proj_bias.map(|b| rows(b, i * e, e)).transpose()?;
            let w = match (use_separate_proj_weight, in_proj_weight) {
                (true, _) => [q_proj_weight, k_proj_weight, v_proj_weight][i as usize].cloned(),
                (false, Some(w)) => Some(rows(w, i * e, e)?),
                (false, None) => None,
            };
            match w {
                Some(w) => Ok((w, b)),
                None => bail!(Type, "{OP}: use_separate_proj_weight is {use_separate_proj_weight} but its weights are None"),
            }
        };
        let project = |t: &Tensor, i: i64| part(i).and_then(|(w, b)| ops::linear(t, &w, b.as_ref()));
        let (q, mut k, mut v) = (project(&query, 0)?, project(&key, 1)?, project(&value, 2)?);

        let mut mask = attn_mask.map(|m| as_bias(OP, m, false, q.dtype())).transpose()?;
        if let Some(m) = &mask {
            let (want2, want3) = ([len, k.shape()[0] as i64], [n * num_heads, len, k.shape()[0] as i64]);
            match m.ndim() {
                2 => ensure!(m.sizes()[..] == want2, Shape, "{OP}: The shape of the 2D attn_mask is {:?}, but should be {want2:?}.", m.shape()),
                3 => ensure!(m.sizes()[..] == want3, Shape, "{OP}: The shape of the 3D attn_mask is {:?}, but should be {want3:?}.", m.shape()),
                d => bail!(Shape, "{OP}: attn_mask's dimension {d} is not supported"),
            }
        }
        let mut padding = key_padding_mask.map(|m| as_bias(OP, m, false, q.dtype())).transpose()?;
        if !batched {
            padding = padding.map(|p| ops::unsqueeze(&p, 0)).transpose()?;
        }
        if let (Some(bk), Some(bv)) = (bias_k, bias_v) {
            k = ops::cat(&[k, ops::repeat(bk, &[1, n, 1])?], 0)?;
            v = ops::cat(&[v, ops::repeat(bv, &[1, n, 1])?], 0)?;
            (mask, padding) = (widen(mask)?, widen(padding)?);
        }
        // [L, N, E] to [N * heads, L, head].
        let split = |t: &Tensor| ops::transpose(&ops::reshape(t, &[t.shape()[0] as i64, n * num_heads, head])?, 0, 1);
        let q = split(&q)?;
        let mut k = static_k.map_or_else(|| split(&k), |t| Ok(t.clone()))?;
        let mut v = static_v.map_or_else(|| split(&v), |t| Ok(t.clone()))?;
        if add_zero_attn {
            let zeros = Tensor::zeros(&[(n * num_heads) as usize, 1, head as usize], k.dtype())?;
            k = ops::cat(&[k, zeros.clone()], 1)?;
            v = ops::cat(&[v, zeros], 1)?;
            (mask, padding) = (widen(mask)?, widen(padding)?);
        }
        let src = k.shape()[1] as i64;
        if let Some(p) = padding {
            ensure!(p.sizes()[..] == [n, src], Shape, "{OP}: expecting key_padding_mask shape of {:?}, but got {:?}", [n, src], p.shape());
            let p = ops::expand(&ops::reshape(&p, &[n, 1, 1, src])?, &[n, num_heads, 1, src])?;
            let p = ops::reshape(&p, &[n * num_heads, 1, src])?;
            mask = Some(match mask {
                Some(m) => ops::add(&m, &p)?,
                None => p,
            });
        }
        let scaled = ops::mul(&q, &number((1.0 / head as f64).sqrt())?)?;
        let attn = weights(&ops::matmul(&scaled, &transpose_last(&k)?)?, mask.as_ref(), if training { dropout_p } else { 0.0 })?;
        let out = ops::reshape(&ops::transpose(&ops::matmul(&attn, &v)?, 0, 1)?, &[len * n, e])?;
        let out = ops::reshape(&ops::linear(&out, out_proj_weight, out_proj_bias)?, &[len, n, -1])?;
        let unbatch = |t: Tensor, dim: i64| if batched { Ok(t) } else { ops::squeeze_dim(&t, dim) };
        let heads = if need_weights {
            let w = ops::reshape(&attn, &[n, num_heads, len, src])?;
            let w = if average_attn_weights { ops::mean_dim(&w, Some(&[1]), false, None)? } else { w };
            Some(unbatch(w, 0)?)
        } else {
            None
        };
        Ok((unbatch(out, 1)?, heads))
    }
}
