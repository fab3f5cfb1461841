//! The kernels, each under the name that the CPU's has. A file holds a family; WGSL text stands beside it.

pub(crate) mod accumulate;
pub(crate) mod adafactor;
pub(crate) mod batch_norm;
pub(crate) mod bind;
pub(crate) mod conv;
pub(crate) mod copy;
pub(crate) mod demand;
pub(crate) mod each;
pub(crate) mod gemm;
pub(crate) mod grid;
pub(crate) mod index;
pub(crate) mod join;
pub(crate) mod linalg;
pub(crate) mod masked;
pub(crate) mod matmul;
pub(crate) mod muon;
pub(crate) mod nll;
pub(crate) mod optim;
pub(crate) mod places;
pub(crate) mod pointwise;
pub(crate) mod pool;
pub(crate) mod reduce;
pub(crate) mod rows;
pub(crate) mod scan;
pub(crate) mod search;
pub(crate) mod selftest;
pub(crate) mod sharing;
pub(crate) mod sort;
pub(crate) mod tuning;
pub(crate) mod unique;

use crate::error::Result;
use crate::launch::Launch;

/// A kernel that is not printed from an expression.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub run: fn(&Launch) -> Result<()>,
    /// Whether inputs may lie in an output's memory; otherwise such inputs are copied first.
    pub in_place: bool,
}

const fn apart(run: fn(&Launch) -> Result<()>) -> Option<Entry> {
    Some(Entry { run, in_place: false })
}
const fn in_place(run: fn(&Launch) -> Result<()>) -> Option<Entry> {
    Some(Entry { run, in_place: true })
}

/// The kernel of this name.
pub(crate) fn find(name: &str) -> Option<Entry> {
    match name {
        "copy" => in_place(copy::copy),
        "fill" => in_place(copy::fill),
        "where" => in_place(copy::choose),
        "matmul" | "dot" => in_place(matmul::matmul),
        "sum" => apart(reduce::sum),
        "nansum" => apart(reduce::nansum),
        "prod" => apart(reduce::prod),
        "count_nonzero" => apart(reduce::count_nonzero),
        "any" => apart(reduce::any),
        "all" => apart(reduce::all),
        "amax" => apart(reduce::amax),
        "amin" => apart(reduce::amin),
        "argmax" => apart(reduce::argmax),
        "argmin" => apart(reduce::argmin),
        "norm" => apart(reduce::norm),
        "var_mean" => apart(reduce::var_mean),
        "index_get" => apart(index::get),
        "index_put" => apart(index::put),
        "index_range" => apart(index::range),
        "flip" => apart(index::flip),
        "tri" => in_place(index::tri),
        "embedding_backward" => apart(accumulate::embedding_backward),
        "nll_loss" => apart(nll::forward),
        "nll_loss_backward" => apart(nll::backward),
        "cross_entropy_backward" => apart(nll::cross_entropy_backward),
        "conv" => apart(conv::forward),
        "conv_backward_input" => apart(conv::backward_input),
        "conv_backward_weight" => apart(conv::backward_weight),
        "max_pool" => apart(pool::max_pool),
        "adaptive_max_pool" => apart(pool::adaptive_max_pool),
        "fractional_max_pool" => apart(pool::fractional_max_pool),
        "avg_pool" => apart(pool::avg_pool),
        "avg_pool_backward" => apart(pool::avg_pool_backward),
        "adaptive_avg_pool" => apart(pool::adaptive_avg_pool),
        "adaptive_avg_pool_backward" => apart(pool::adaptive_avg_pool_backward),
        "plane_gather" => apart(pool::plane_gather),
        "plane_scatter" => apart(pool::plane_scatter),
        "plane_scatter_add" => apart(pool::plane_scatter_add),
        "cumsum" => apart(scan::cumsum),
        "cumprod" => apart(scan::cumprod),
        "cummax" => apart(scan::cummax),
        "cummin" => apart(scan::cummin),
        "logcumsumexp" => apart(scan::logcumsumexp),
        "sort" => apart(sort::sort),
        "topk" => apart(sort::topk),
        "kthvalue" => apart(sort::kthvalue),
        "median" => apart(sort::median),
        "nanmedian" => apart(sort::nanmedian),
        "mode" => apart(sort::mode),
        "unique" => apart(unique::unique),
        "lexicographic" => apart(unique::lexicographic),
        "masked_select" => apart(masked::select),
        "masked_scatter" => apart(masked::scatter),
        "nonzero" => apart(masked::nonzero),
        "repeat_indices" => apart(masked::repeat),
        "searchsorted" => apart(search::searchsorted),
        "histc" => apart(search::histc),
        "resample" => apart(search::resample),
        "resample_backward" => apart(search::resample_backward),
        "grid_sample" => apart(grid::forward),
        "grid_sample_backward" => apart(grid::backward),
        "adafactor_step" => apart(adafactor::step),
        "muon_round" => apart(muon::round),
        "muon_combine" => in_place(muon::combine),
        "sparse_adam_step" => apart(optim::sparse_adam),
        "softmax" => apart(rows::softmax),
        "log_softmax" => apart(rows::log_softmax),
        "logsumexp" => apart(rows::logsumexp),
        "softmax_backward" => apart(rows::softmax_backward),
        "log_softmax_backward" => apart(rows::log_softmax_backward),
        "batch_norm" => apart(batch_norm::forward),
        "batch_norm_backward" => apart(batch_norm::backward),
        "layer_norm" => apart(rows::layer_norm),
        "layer_norm_backward" => apart(rows::layer_norm_backward),
        "lu" => apart(linalg::lu),
        "cholesky" => apart(linalg::cholesky),
        "geqrf" => apart(linalg::geqrf),
        "householder" => apart(linalg::householder),
        "solve_triangular" => apart(linalg::solve_triangular),
        "eigh" => apart(linalg::eigh),
        "svd" => apart(linalg::svd),
        name if optim::has(name) => apart(optim::step),
        _ => None,
    }
}
