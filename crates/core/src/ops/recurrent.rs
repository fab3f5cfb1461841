//! Recurrent networks, composed of products and pointwise ops.

use crate::{Result, Tensor, ensure, ops};

/// One step of a kind of cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cell {
    Tanh,
    Relu,
    Gru,
    Lstm,
}

/// Weights of one direction of one layer.
struct Weights<'a> {
    ih: &'a Tensor,
    hh: &'a Tensor,
    b_ih: Option<&'a Tensor>,
    b_hh: Option<&'a Tensor>,
    /// Projects the hidden state of an LSTM.
    hr: Option<&'a Tensor>,
}

/// Hidden state, and the cell state of an LSTM.
struct State {
    h: Tensor,
    c: Option<Tensor>,
}

impl Cell {
    /// The next state from `gates`, the input's part of the pre-activations, and the state before.
    fn step(self, gates: &Tensor, s: &State, w: &Weights) -> Result<State> {
        let hidden = ops::linear(&s.h, w.hh, w.b_hh)?;
        match self {
            Cell::Tanh => Ok(State { h: ops::tanh(&ops::add(gates, &hidden)?)?, c: None }),
            Cell::Relu => Ok(State { h: ops::relu(&ops::add(gates, &hidden)?)?, c: None }),
            Cell::Gru => {
                let (x, h) = (ops::chunk(gates, 3, -1)?, ops::chunk(&hidden, 3, -1)?);
                let reset = ops::sigmoid(&ops::add(&x[0], &h[0])?)?;
                let update = ops::sigmoid(&ops::add(&x[1], &h[1])?)?;
                let new = ops::tanh(&ops::add(&x[2], &ops::mul(&reset, &h[2])?)?)?;
                // new + update (h - new), as PyTorch computes it.
                Ok(State { h: ops::add(&ops::mul(&ops::sub(&s.h, &new)?, &update)?, &new)?, c: None })
            }
            Cell::Lstm => {
                let g = ops::chunk(&ops::add(gates, &hidden)?, 4, -1)?;
                let (input, forget, output) = (ops::sigmoid(&g[0])?, ops::sigmoid(&g[1])?, ops::sigmoid(&g[3])?);
                let Some(old) = &s.c else { crate::bail!(Internal, "lstm: there is no cell state") };
                let c = ops::add(&ops::mul(&forget, old)?, &ops::mul(&input, &ops::tanh(&g[2])?)?)?;
                let h = ops::mul(&output, &ops::tanh(&c)?)?;
                let h = w.hr.map_or(Ok(h.clone()), |p| ops::linear(&h, p, None))?;
                Ok(State { h, c: Some(c) })
            }
        }
    }

    /// Runs over `[T, N, in]`, backwards when `reverse`; gives `[T, N, hidden]` and the last state.
    fn scan(self, x: &Tensor, first: State, w: &Weights, reverse: bool) -> Result<(Tensor, State)> {
        // The input's part of all steps is one product.
        let gates = ops::unbind(&ops::linear(x, w.ih, w.b_ih)?, 0)?;
        let mut state = first;
        let mut outputs = Vec::with_capacity(gates.len());
        let mut step = |g: &Tensor| -> Result<()> {
            state = self.step(g, &state, w)?;
            outputs.push(state.h.clone());
            Ok(())
        };
        if reverse {
            gates.iter().rev().try_for_each(&mut step)?;
            outputs.reverse();
        } else {
            gates.iter().try_for_each(&mut step)?;
        }
        Ok((ops::stack(&outputs, 0)?, state))
    }
}

/// Everything about a network but its tensors.
struct Plan {
    cell: Cell,
    has_biases: bool,
    layers: usize,
    dropout: f64,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
    projected: bool,
}

impl Plan {
    fn weights<'a>(&self, params: &'a [Tensor], at: usize) -> Weights<'a> {
        let per = 2 + 2 * usize::from(self.has_biases) + usize::from(self.projected);
        let p = &params[at * per..(at + 1) * per];
        Weights {
            ih: &p[0],
            hh: &p[1],
            b_ih: self.has_biases.then(|| &p[2]),
            b_hh: self.has_biases.then(|| &p[3]),
            hr: self.projected.then(|| &p[per - 1]),
        }
    }

    /// Output `[T, N, hidden * directions]` and the last states `[layers * directions, N, hidden]`.
    fn run(&self, op: &str, input: &Tensor, h: &Tensor, c: Option<&Tensor>, params: &[Tensor]) -> Result<(Tensor, Tensor, Option<Tensor>)> {
        let directions = 1 + usize::from(self.bidirectional);
        let per = 2 + 2 * usize::from(self.has_biases) + usize::from(self.projected);
        ensure!(
            params.len() == self.layers * directions * per,
            Value,
            "{op}: {} layers in {directions} directions have {} parameters, got {}",
            self.layers,
            self.layers * directions * per,
            params.len()
        );
        ensure!(input.ndim() == 3, Shape, "{op}: Expected an input [T, N, features] of 3 dimensions, got {:?}", input.shape());
        let mut x = if self.batch_first { ops::transpose(input, 0, 1)? } else { input.clone() };
        ensure!(x.shape()[0] > 0, Shape, "{op}: Expected sequence length to be larger than 0 in RNN");
        let (mut hs, mut cs) = (Vec::new(), Vec::new());
        for layer in 0..self.layers {
            let mut sides = Vec::with_capacity(directions);
            for side in 0..directions {
                let at = layer * directions + side;
                let first = State {
                    h: ops::select(h, 0, at as i64)?,
                    c: c.map(|c| ops::select(c, 0, at as i64)).transpose()?,
                };
                let (out, last) = self.cell.scan(&x, first, &self.weights(params, at), side == 1)?;
                sides.push(out);
                hs.push(last.h);
                cs.extend(last.c);
            }
            x = if directions == 2 { ops::cat(&sides, -1)? } else { sides.swap_remove(0) };
            if self.train && self.dropout > 0.0 && layer + 1 < self.layers {
                x = ops::dropout(&x, self.dropout, true, false)?;
            }
        }
        let out = if self.batch_first { ops::transpose(&x, 0, 1)? } else { x };
        Ok((out, ops::stack(&hs, 0)?, if cs.is_empty() { None } else { Some(ops::stack(&cs, 0)?) }))
    }
}

/// PyTorch's checks of a cell's operands (aten/native/RNN.cpp, `rnn_cell` checks).
fn check_cell(input: &Tensor, hidden: &[&Tensor], w_hh: &Tensor, w_ih: &Tensor) -> Result<()> {
    let (features, size) = (w_ih.shape()[1], w_hh.shape()[1]);
    let have = input.shape().last().copied().unwrap_or(1);
    ensure!(have == features, Shape, "input has inconsistent input_size: got {have} expected {features}");
    for (i, h) in hidden.iter().enumerate() {
        let last = h.shape().last().copied().unwrap_or(1);
        if input.ndim() == 2 && h.ndim() == 2 {
            ensure!(
                input.shape()[0] == h.shape()[0],
                Shape,
                "Input batch size {} doesn't match hidden{i} batch size {}",
                input.shape()[0],
                h.shape()[0]
            );
        }
        ensure!(last == size, Shape, "hidden{i} has inconsistent hidden_size: got {last}, expected {size}");
    }
    Ok(())
}

fn cell(kind: Cell, input: &Tensor, h: &Tensor, c: Option<&Tensor>, w: Weights) -> Result<State> {
    let hidden: Vec<&Tensor> = std::iter::once(h).chain(c).collect();
    check_cell(input, &hidden, w.hh, w.ih)?;
    let gates = ops::linear(input, w.ih, w.b_ih)?;
    kind.step(&gates, &State { h: h.clone(), c: c.cloned() }, &w)
}

ops! {
    /// A network of tanh cells over `[T, N, in]` (`[N, T, in]` with `batchFirst`): output and last hidden states. `params`
    /// are, for every layer and direction, the weights `[hidden, in]` and `[hidden, hidden]` and, if any, two biases.
    ///
    /// PyTorch: `torch.rnn_tanh`.
    [torch]
    fn rnn_tanh(input: Tensor, hx: Tensor, params: Vec<Tensor>, has_biases: bool, num_layers: i64, dropout: f64, train: bool,
                bidirectional: bool, batch_first: bool) -> (output: Tensor, h_n: Tensor) {
        let layers = num_layers as usize;
        let plan = Plan { cell: Cell::Tanh, has_biases, layers, dropout, train, bidirectional, batch_first, projected: false };
        let (out, h, _) = plan.run("rnnTanh", input, hx, None, params)?;
        Ok((out, h))
    }

    /// A network of relu cells; see `rnnTanh`.
    ///
    /// PyTorch: `torch.rnn_relu`.
    [torch]
    fn rnn_relu(input: Tensor, hx: Tensor, params: Vec<Tensor>, has_biases: bool, num_layers: i64, dropout: f64, train: bool,
                bidirectional: bool, batch_first: bool) -> (output: Tensor, h_n: Tensor) {
        let layers = num_layers as usize;
        let plan = Plan { cell: Cell::Relu, has_biases, layers, dropout, train, bidirectional, batch_first, projected: false };
        let (out, h, _) = plan.run("rnnRelu", input, hx, None, params)?;
        Ok((out, h))
    }

    /// A network of gated recurrent units (Cho et al., 2014); see `rnnTanh`. Weights have three times `hidden` rows: reset,
    /// update, new.
    ///
    /// PyTorch: `torch.gru`.
    [torch]
    fn gru(input: Tensor, hx: Tensor, params: Vec<Tensor>, has_biases: bool, num_layers: i64, dropout: f64, train: bool,
           bidirectional: bool, batch_first: bool) -> (output: Tensor, h_n: Tensor) {
        let layers = num_layers as usize;
        let plan = Plan { cell: Cell::Gru, has_biases, layers, dropout, train, bidirectional, batch_first, projected: false };
        let (out, h, _) = plan.run("gru", input, hx, None, params)?;
        Ok((out, h))
    }

    /// A network of long short-term memory cells (Hochreiter and Schmidhuber, 1997); see `rnnTanh`. `hx` are the hidden and
    /// the cell states; weights have four times `hidden` rows: input, forget, cell, output. A fifth (third) parameter
    /// projects the hidden states.
    ///
    /// PyTorch: `torch.lstm`.
    [torch]
    fn lstm(input: Tensor, hx: Vec<Tensor>, params: Vec<Tensor>, has_biases: bool, num_layers: i64, dropout: f64, train: bool,
            bidirectional: bool, batch_first: bool) -> (output: Tensor, h_n: Tensor, c_n: Tensor) {
        ensure!(hx.len() == 2, Value, "lstm: expects two hidden states, got {}", hx.len());
        let sizes = (hx[0].shape().last(), hx[1].shape().last());
        let (layers, projected) = (num_layers as usize, sizes.0 != sizes.1);
        let plan = Plan { cell: Cell::Lstm, has_biases, layers, dropout, train, bidirectional, batch_first, projected };
        let (out, h, c) = plan.run("lstm", input, &hx[0], Some(&hx[1]), params)?;
        let Some(c) = c else { crate::bail!(Internal, "lstm: no cell states") };
        Ok((out, h, c))
    }

    /// tanh(input w_ihᵀ + b_ih + hx w_hhᵀ + b_hh).
    ///
    /// PyTorch: `torch.rnn_tanh_cell`.
    [torch]
    fn rnn_tanh_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Option<Tensor> = None,
                     b_hh: Option<Tensor> = None) -> Tensor {
        Ok(cell(Cell::Tanh, input, hx, None, Weights { ih: w_ih, hh: w_hh, b_ih, b_hh, hr: None })?.h)
    }

    /// relu(input w_ihᵀ + b_ih + hx w_hhᵀ + b_hh).
    ///
    /// PyTorch: `torch.rnn_relu_cell`.
    [torch]
    fn rnn_relu_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Option<Tensor> = None,
                     b_hh: Option<Tensor> = None) -> Tensor {
        Ok(cell(Cell::Relu, input, hx, None, Weights { ih: w_ih, hh: w_hh, b_ih, b_hh, hr: None })?.h)
    }

    /// One step of a gated recurrent unit.
    ///
    /// PyTorch: `torch.gru_cell`.
    [torch]
    fn gru_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Option<Tensor> = None,
                b_hh: Option<Tensor> = None) -> Tensor {
        Ok(cell(Cell::Gru, input, hx, None, Weights { ih: w_ih, hh: w_hh, b_ih, b_hh, hr: None })?.h)
    }

    /// One step of a long short-term memory cell: hidden and cell state.
    ///
    /// PyTorch: `torch.lstm_cell`.
    [torch]
    fn lstm_cell(input: Tensor, hx: Vec<Tensor>, w_ih: Tensor, w_hh: Tensor, b_ih: Option<Tensor> = None,
                 b_hh: Option<Tensor> = None) -> (h: Tensor, c: Tensor) {
        ensure!(hx.len() == 2, Value, "lstmCell: expects two hidden states, got {}", hx.len());
        let s = cell(Cell::Lstm, input, &hx[0], Some(&hx[1]), Weights { ih: w_ih, hh: w_hh, b_ih, b_hh, hr: None })?;
        let Some(c) = s.c else { crate::bail!(Internal, "lstmCell: no cell state") };
        Ok((s.h, c))
    }
}
