//! Einstein's notation: reading an equation, and contracting operands two at a time as batched products.
//!
//! The rules are those of torch.einsum (aten/native/Linear.cpp): operands are aligned to one order of letters, and pairs
//! are contracted from left to right, summing a letter as soon as no later operand and not the output has it.

use crate::{Result, Tensor, bail, ensure, ops};

/// A dimension of the aligned operands: a letter, or one of those that `...` stands for, counted from the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Label {
    Letter(u8),
    Dots(usize),
}

/// The labels of one side's term; `...` is left open.
fn letters(op: &str, equation: &str, term: &str) -> Result<Vec<Option<u8>>> {
    let mut out = Vec::new();
    let mut rest = term.trim();
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("...") {
            ensure!(
                !out.contains(&None),
                Runtime,
                "{op}: found '...' more than once in '{term}' of the equation '{equation}'"
            );
            out.push(None);
            rest = after;
            continue;
        }
        ensure!(c != '.', Runtime, "{op}: found '.' that is not part of any ellipsis in '{term}' of '{equation}'");
        ensure!(
            c.is_ascii_alphabetic() || c == ' ',
            Runtime,
            "{op}: invalid subscript given, subscripts must be in [a-zA-Z] but found '{c}' in '{equation}'"
        );
        if c != ' ' {
            out.push(Some(c as u8));
        }
        rest = &rest[1..];
    }
    Ok(out)
}

pub(super) fn einsum_impl(equation: &str, operands: &[Tensor]) -> Result<Tensor> {
    const OP: &str = "einsum()";
    ensure!(!operands.is_empty(), Runtime, "einsum(): must provide at least one operand");
    let (left, right) = match equation.split_once("->") {
        Some((l, r)) => (l, Some(r)),
        None => (equation, None),
    };
    let terms: Vec<&str> = left.split(',').collect();
    ensure!(
        terms.len() == operands.len(),
        Runtime,
        "einsum(): {} operands were provided than specified in the equation: '{equation}' has {}, got {}",
        if terms.len() < operands.len() { "more" } else { "fewer" },
        terms.len(),
        operands.len()
    );
    let mut labels: Vec<Vec<Label>> = Vec::new();
    for (i, (term, t)) in terms.iter().zip(operands).enumerate() {
        let term = letters(OP, equation, term)?;
        let named = term.iter().flatten().count();
        let open = term.contains(&None);
        ensure!(
            if open { named <= t.ndim() } else { named == t.ndim() },
            Shape,
            "einsum(): the number of subscripts in the equation ({named}) {} the number of dimensions ({}) for operand {i}, \
             of shape {:?}, in '{equation}'",
            if open { "is more than" } else { "does not match" },
            t.ndim(),
            t.shape()
        );
        let dots = t.ndim() - named;
        labels.push(
            term.iter()
                .flat_map(|l| match l {
                    Some(c) => vec![Label::Letter(*c)],
                    None => (0..dots).rev().map(Label::Dots).collect(),
                })
                .collect(),
        );
    }
    let dots = labels.iter().flatten().filter_map(|l| if let Label::Dots(d) = l { Some(d + 1) } else { None }).max();
    let all_dots = (0..dots.unwrap_or(0)).rev().map(Label::Dots);
    let output: Vec<Label> = match right {
        Some(term) => {
            let term = letters(OP, equation, term)?;
            let mut out = Vec::new();
            for l in term {
                match l {
                    None => out.extend(all_dots.clone()),
                    Some(c) => {
                        let label = Label::Letter(c);
                        ensure!(
                            !out.contains(&label),
                            Runtime,
                            "einsum(): output subscript {} appears more than once in the output, in '{equation}'",
                            c as char
                        );
                        ensure!(
                            labels.iter().any(|l| l.contains(&label)),
                            Runtime,
                            "einsum(): output subscript {} does not appear in the equation for any input operand: '{equation}'",
                            c as char
                        );
                        out.push(label);
                    }
                }
            }
            out
        }
        None => {
            let mut once: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').collect();
            let count = |c: u8| labels.iter().flatten().filter(|&&l| l == Label::Letter(c)).count();
            once.retain(|&c| count(c) == 1);
            all_dots.chain(once.into_iter().map(Label::Letter)).collect()
        }
    };
    contract(equation, operands, labels, &output)
}

/// An operand whose dimensions carry distinct labels.
struct Term {
    t: Tensor,
    labels: Vec<Label>,
}

impl Term {
    /// Repeated labels become diagonals.
    fn new(equation: &str, t: &Tensor, labels: Vec<Label>) -> Result<Term> {
        let mut term = Term { t: t.clone(), labels: Vec::new() };
        for label in labels {
            match term.labels.iter().position(|&l| l == label) {
                None => term.labels.push(label),
                Some(first) => {
                    let second = term.labels.len();
                    let (n, m) = (term.t.shape()[first], term.t.shape()[second]);
                    ensure!(
                        n == m,
                        Shape,
                        "einsum(): subscript {label:?} is repeated for an operand but the sizes don't match, {m} != {n}, in \
                         '{equation}'"
                    );
                    let diagonal = ops::diagonal(&term.t, 0, first as i64, second as i64)?;
                    term.t = ops::movedim(&diagonal, &[-1], &[first as i64])?;
                }
            }
        }
        Ok(term)
    }

    fn size(&self, label: Label) -> Option<usize> {
        self.labels.iter().position(|&l| l == label).map(|d| self.t.shape()[d])
    }

    /// Sums over labels that nobody needs any more.
    fn sum_out(self, needed: impl Fn(Label) -> bool) -> Result<Term> {
        let dims: Vec<i64> = (0..self.labels.len()).filter(|&d| !needed(self.labels[d])).map(|d| d as i64).collect();
        if dims.is_empty() {
            return Ok(self);
        }
        let t = ops::sum_dim(&self.t, Some(&dims), false, Some(self.t.dtype()))?;
        Ok(Term { t, labels: self.labels.iter().copied().filter(|&l| needed(l)).collect() })
    }

    /// The dimensions in this order; labels it lacks become dimensions of size 1.
    fn arranged(&self, order: &[Label]) -> Result<Tensor> {
        let have: Vec<i64> =
            order.iter().filter_map(|l| self.labels.iter().position(|x| x == l)).map(|d| d as i64).collect();
        let t = if have.is_sorted() { self.t.clone() } else { ops::permute(&self.t, &have)? };
        let shape: Vec<i64> = order.iter().map(|&l| self.size(l).unwrap_or(1) as i64).collect();
        if shape.len() == t.ndim() { Ok(t) } else { ops::reshape(&t, &shape) }
    }
}

fn contract(equation: &str, operands: &[Tensor], labels: Vec<Vec<Label>>, output: &[Label]) -> Result<Tensor> {
    let mut terms = Vec::new();
    for (t, l) in operands.iter().zip(labels) {
        terms.push(Term::new(equation, t, l)?);
    }
    for (i, term) in terms.iter().enumerate() {
        for &label in &term.labels {
            let n = term.size(label).unwrap_or(1);
            for (j, earlier) in terms[..i].iter().enumerate() {
                let m = earlier.size(label).unwrap_or(1);
                ensure!(
                    n == m || n == 1 || m == 1,
                    Shape,
                    "einsum(): subscript {label:?} has size {n} for operand {i} which does not broadcast with previously \
                     seen size {m} of operand {j}, in '{equation}'"
                );
            }
        }
    }
    let mut rest = terms.into_iter();
    let Some(mut acc) = rest.next() else { bail!(Internal, "einsum without operands") };
    let mut later: Vec<Term> = rest.collect();
    if later.is_empty() {
        // What is summed comes last, so that the sum is the last step.
        let order: Vec<Label> =
            output.iter().chain(acc.labels.iter().filter(|l| !output.contains(l))).copied().collect();
        let t = acc.arranged(&order)?;
        if order.len() > output.len() {
            return Ok(Term { t, labels: order }.sum_out(|l| output.contains(&l))?.t);
        }
        let same: Vec<i64> = (0..order.len() as i64).collect();
        return if t.same(&acc.t) { ops::permute(&t, &same) } else { Ok(t) };
    }
    let contracts =
        !later.is_empty() && later.iter().chain([&acc]).flat_map(|t| &t.labels).any(|l| !output.contains(l));
    acc = acc.sum_out(|l| output.contains(&l) || later.iter().any(|t| t.labels.contains(&l)))?;
    while !later.is_empty() {
        let next = later.remove(0);
        let needed = |l: Label| output.contains(&l) || later.iter().any(|t| t.labels.contains(&l));
        acc = pair(acc, next, needed)?;
    }
    let out = acc.arranged(output)?;
    // PyTorch keeps what is summed as dimensions of size 1 and drops them by a view at the end.
    if contracts && out.grad_fn().is_some_and(|f| f.name != "ViewBackward0") {
        return ops::views::view_as_shape("einsum", &out, out.shape(), "ViewBackward0");
    }
    Ok(out)
}

/// Two operands into one: labels both have and somebody needs are a batch, labels both have and nobody needs are
/// summed in the product.
fn pair(a: Term, b: Term, needed: impl Fn(Label) -> bool) -> Result<Term> {
    // A shared label of size 1 on one side is no sum of products: it broadcasts, so either side is summed alone.
    let long = |l: Label| a.size(l).is_some_and(|n| n != 1) && b.size(l).is_some_and(|n| n != 1);
    let keep = |t: &Term| t.labels.iter().copied().filter(|&l| needed(l) || long(l)).collect::<Vec<_>>();
    let (a_labels, b_labels) = (keep(&a), keep(&b));
    let a = a.sum_out(|l| a_labels.contains(&l))?;
    let b = b.sum_out(|l| b_labels.contains(&l))?;
    let shared: Vec<Label> = a.labels.iter().copied().filter(|l| b.labels.contains(l)).collect();
    let summed: Vec<Label> = shared.iter().copied().filter(|&l| !needed(l)).collect();
    let batch: Vec<Label> = shared.iter().copied().filter(|&l| needed(l)).collect();
    let only = |x: &Term, y: &Term| x.labels.iter().copied().filter(|l| !y.labels.contains(l)).collect::<Vec<_>>();
    let (left, right) = (only(&a, &b), only(&b, &a));
    let result: Vec<Label> = batch.iter().chain(&left).chain(&right).copied().collect();
    if summed.is_empty() {
        return Ok(Term { t: ops::mul(&a.arranged(&result)?, &b.arranged(&result)?)?, labels: result });
    }
    let sizes = |t: &Term, list: &[Label]| list.iter().map(|&l| t.size(l).unwrap_or(1) as i64).collect::<Vec<_>>();
    let count = |s: &[i64]| s.iter().product::<i64>();
    let order = |x: &[Label], y: &[Label]| batch.iter().chain(x).chain(y).copied().collect::<Vec<_>>();
    let shape = |t: &Term, rows: &[Label], cols: &[Label]| {
        let mut s = sizes(t, &batch);
        s.extend([count(&sizes(t, rows)), count(&sizes(t, cols))]);
        s
    };
    let x = ops::reshape(&a.arranged(&order(&left, &summed))?, &shape(&a, &left, &summed))?;
    let y = ops::reshape(&b.arranged(&order(&summed, &right))?, &shape(&b, &summed, &right))?;
    let product = ops::matmul(&x, &y)?;
    let mut full: Vec<i64> = product.sizes()[..batch.len()].to_vec();
    full.extend(sizes(&a, &left));
    full.extend(sizes(&b, &right));
    Ok(Term { t: ops::reshape(&product, &full)?, labels: result })
}
