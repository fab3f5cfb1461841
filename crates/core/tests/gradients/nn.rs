//! Losses, normalisation, lookups and attention.

use cresset_core::{Tensor, ops};

use crate::check::{Rng, check};
use crate::leaves;

/// Probabilities, away from 0 and 1.
fn probabilities(seed: u64, shape: &[usize]) -> Tensor {
    let mut rng = Rng::new(seed);
    let raw = rng.leaf(shape).to_vec::<f64>().unwrap();
    let t = Tensor::from_slice(&raw.iter().map(|v| 0.2 + 0.6 / (1.0 + (-v).exp())).collect::<Vec<_>>(), shape).unwrap();
    t.set_requires_grad(true);
    t
}

fn signs(n: usize) -> Tensor {
    Tensor::from_slice(&(0..n).map(|i| if i % 3 == 0 { -1.0 } else { 1.0 }).collect::<Vec<f64>>(), &[n]).unwrap()
}

#[test]
fn regression_losses() {
    let two = leaves(21, &[&[2, 3], &[2, 3]]);
    for r in ["none", "mean", "sum"] {
        check(&format!("mse_loss {r}"), &two, &|x| ops::mse_loss(&x[0], &x[1], r));
        check(&format!("l1_loss {r}"), &two, &|x| ops::l1_loss(&x[0], &x[1], r));
        check(&format!("smooth_l1_loss {r}"), &two, &|x| ops::smooth_l1_loss(&x[0], &x[1], r, 0.7));
        check(&format!("huber_loss {r}"), &two, &|x| ops::huber_loss(&x[0], &x[1], r, 0.6, None));
        check(&format!("soft_margin_loss {r}"), &two, &|x| ops::soft_margin_loss(&x[0], &x[1], r));
        check(&format!("kl_div {r}"), &two, &|x| ops::kl_div(&x[0], &x[1], r, true));
    }
    check("mse_loss, broadcast", &leaves(22, &[&[2, 3], &[3]]), &|x| ops::mse_loss(&x[0], &x[1], "mean"));
    check("kl_div batchmean", &[two[0].clone(), probabilities(23, &[2, 3])], &|x| {
        ops::kl_div(&x[0], &x[1], "batchmean", false)
    });
    check("poisson_nll_loss", &two, &|x| ops::poisson_nll_loss(&x[0], &x[1], true, false, 1e-8, "mean"));
    let three = [two[0].clone(), two[1].clone(), probabilities(24, &[2, 3])];
    check("gaussian_nll_loss", &three, &|x| ops::gaussian_nll_loss(&x[0], &x[1], &x[2], true, 1e-6, "sum"));
}

#[test]
fn classification_losses() {
    let two = [probabilities(25, &[2, 3]), probabilities(26, &[2, 3])];
    let w = Tensor::from_slice(&[0.5, 1.5, 2.0], &[3]).unwrap();
    for r in ["none", "mean", "sum"] {
        check(&format!("bce {r}"), &two, &|x| ops::binary_cross_entropy(&x[0], &x[1], Some(&w), r));
        check(&format!("bce with logits {r}"), &two, &|x| {
            ops::binary_cross_entropy_with_logits(&x[0], &x[1], Some(&w), r, None)
        });
    }
    let positive = probabilities(27, &[3]).detach();
    check("bce with logits, pos_weight", &two, &|x| {
        ops::binary_cross_entropy_with_logits(&x[0], &x[1], None, "mean", Some(&positive))
    });
    let target = Tensor::from_slice(&[2i64, 0, 1, 1], &[4]).unwrap();
    let scores = leaves(28, &[&[4, 3]]);
    for r in ["none", "mean", "sum"] {
        check(&format!("nll_loss {r}"), &scores, &|x| ops::nll_loss(&x[0], &target, Some(&w), 1, r));
        check(&format!("cross_entropy {r}"), &scores, &|x| ops::cross_entropy(&x[0], &target, Some(&w), -100, r, 0.0));
        check(&format!("cross_entropy smoothed {r}"), &scores, &|x| {
            ops::cross_entropy(&x[0], &target, Some(&w), 0, r, 0.2)
        });
        check(&format!("multi_margin_loss {r}"), &scores, &|x| {
            ops::multi_margin_loss(&x[0], &target, 2, 1.1, Some(&w), r)
        });
    }
    // Classes before, between and behind places; and neither beside each other.
    let places = Tensor::from_slice(&[2i64, 0, 1, 1, 0, 2], &[2, 3]).unwrap();
    for (name, smoothing) in [("", 0.0), (", smoothed", 0.2)] {
        let loss = |x: &Tensor, r: &str| ops::cross_entropy(x, &places, Some(&w), 0, r, smoothing);
        check(&format!("cross_entropy [N, C, d]{name}"), &leaves(32, &[&[2, 3, 3]]), &|x| loss(&x[0], "none"));
        check(&format!("cross_entropy of [N, d, C]{name}"), &leaves(33, &[&[2, 3, 3]]), &|x| {
            loss(&ops::transpose(&x[0], 1, 2)?, "mean")
        });
        check(&format!("cross_entropy of [d, C, N]{name}"), &leaves(34, &[&[3, 3, 2]]), &|x| {
            loss(&ops::permute(&x[0], &[2, 1, 0])?, "sum")
        });
    }
    check("cross_entropy, distributions", &two, &|x| ops::cross_entropy(&x[0], &x[1], Some(&w), -100, "mean", 0.1));
    let grid = Tensor::from_slice(&[0i64, 2, 1, 0], &[2, 2]).unwrap();
    check("nll_loss of [N, C, d]", &leaves(29, &[&[2, 3, 2]]), &|x| ops::nll_loss(&x[0], &grid, None, -100, "none"));
    let labels = Tensor::from_slice(&[1i64, 2, -1, 0, -1, 1], &[2, 3]).unwrap();
    check("multilabel_margin_loss", &leaves(30, &[&[2, 3]]), &|x| ops::multilabel_margin_loss(&x[0], &labels, "mean"));
    check("multilabel_soft_margin_loss", &two, &|x| ops::multilabel_soft_margin_loss(&x[0], &x[1], Some(&w), "sum"));
}

#[test]
fn losses_of_pairs() {
    let two = leaves(31, &[&[4, 3], &[4, 3]]);
    let y = signs(4);
    check("cosine_embedding_loss", &two, &|x| ops::cosine_embedding_loss(&x[0], &x[1], &y, 0.1, "mean"));
    check("cosine_similarity", &two, &|x| ops::cosine_similarity(&x[0], &x[1], 1, 1e-8));
    check("pairwise_distance", &two, &|x| ops::pairwise_distance(&x[0], &x[1], 3.0, 1e-6, true));
    check("normalize", &two[..1], &|x| ops::normalize(&x[0], 2.0, &[1], 1e-12));
    let three = leaves(32, &[&[4, 3], &[4, 3], &[4, 3]]);
    check("triplet_margin_loss", &three, &|x| {
        ops::triplet_margin_loss(&x[0], &x[1], &x[2], 1.0, 2.0, 1e-6, true, "mean")
    });
    let rank = leaves(33, &[&[4], &[4]]);
    check("margin_ranking_loss", &rank, &|x| ops::margin_ranking_loss(&x[0], &x[1], &y, 0.3, "sum"));
    check("hinge_embedding_loss", &rank[..1], &|x| ops::hinge_embedding_loss(&x[0], &y, 1.2, "mean"));
}

#[test]
fn normalization() {
    let all = leaves(34, &[&[3, 4, 2], &[4], &[4]]);
    check("batch_norm", &all, &|x| ops::batch_norm(&x[0], None, None, Some(&x[1]), Some(&x[2]), true, 0.1, 1e-5));
    let (mean, var) = (Tensor::from_slice(&[0.1; 4], &[4]).unwrap(), Tensor::from_slice(&[1.3; 4], &[4]).unwrap());
    check("batch_norm, evaluation", &all, &|x| {
        ops::batch_norm(&x[0], Some(&mean), Some(&var), Some(&x[1]), Some(&x[2]), false, 0.1, 1e-5)
    });
    check("batch_norm, plain", &all[..1], &|x| ops::batch_norm(&x[0], None, None, None, None, true, 0.1, 1e-5));
    check("batch_norm of rows", &leaves(37, &[&[5, 3], &[3], &[3]]), &|x| {
        ops::batch_norm(&x[0], None, None, Some(&x[1]), Some(&x[2]), true, 0.1, 1e-5)
    });
    check("instance_norm by given statistics", &all, &|x| {
        ops::instance_norm(&x[0], Some(&mean), Some(&var), Some(&x[1]), Some(&x[2]), false, 0.1, 1e-5)
    });
    let long = leaves(38, &[&[2, 4, 17], &[4], &[4]]);
    check("group_norm of long channels", &long, &|x| ops::group_norm(&x[0], 2, Some(&x[1]), Some(&x[2]), 1e-5));
    check("group_norm", &all, &|x| ops::group_norm(&x[0], 2, Some(&x[1]), Some(&x[2]), 1e-5));
    check("instance_norm", &leaves(35, &[&[2, 2, 4], &[2], &[2]]), &|x| {
        ops::instance_norm(&x[0], None, None, Some(&x[1]), Some(&x[2]), true, 0.1, 1e-5)
    });
    let layered = leaves(36, &[&[2, 3, 2], &[3, 2], &[3, 2]]);
    check("layer_norm", &layered, &|x| ops::layer_norm(&x[0], &[3, 2], Some(&x[1]), Some(&x[2]), 1e-5));
    check("layer_norm, bias only", &layered, &|x| ops::layer_norm(&x[0], &[3, 2], None, Some(&x[2]), 1e-5));
    check("rms_norm", &layered[..2], &|x| ops::rms_norm(&x[0], &[3, 2], Some(&x[1]), None));
    check("local_response_norm", &all[..1], &|x| ops::local_response_norm(&x[0], 3, 0.3, 0.75, 1.0));
}

#[test]
fn lookups_and_gates() {
    let index = Tensor::from_slice(&[1i64, 3, 1, 0], &[2, 2]).unwrap();
    let table = leaves(37, &[&[4, 3]]);
    check("embedding", &table, &|x| ops::embedding(&index, &x[0], Some(2), None, 2.0, false, false));
    for mode in ["sum", "mean", "max"] {
        check(&format!("embedding_bag {mode}"), &table, &|x| {
            ops::embedding_bag(&index, &x[0], None, None, 2.0, false, mode, false, None, false, None)
        });
    }
    check("embedding_bag, weighted", &leaves(38, &[&[4, 3], &[2, 2]]), &|x| {
        ops::embedding_bag(&index, &x[0], None, None, 2.0, false, "sum", false, Some(&x[1]), false, Some(0))
    });
    check("glu", &leaves(39, &[&[2, 4]]), &|x| ops::glu(&x[0], -1));
    let qkv = leaves(40, &[&[2, 3, 4], &[2, 2, 4], &[2, 2, 3]]);
    check("scaled_dot_product_attention", &qkv, &|x| {
        ops::scaled_dot_product_attention(&x[0], &x[1], &x[2], None, 0.0, true, None, false)
    });
}
