//! scikit-learn's generators, split and scalers as ops for the package's own TypeScript (ts/datasets), which checks what
//! users give and fills in defaults. `seed` is the `random_state`.

use crate::datasets::{self, Classification, Regression, Rows};
use crate::device::{self, Device};
use crate::random::numpy::RandomState;
use crate::{DType, Element, Result, Tensor, bail, ensure, ops};

ops! {
    /// Two half moons.
    [private]
    fn make_moons(outer: i64, inner: i64, shuffle: bool, noise: Option<f64>, seed: i64) -> (x: Tensor, y: Tensor) {
        labelled(datasets::make_moons(pair(outer, inner)?, shuffle, noise, &mut state(seed)))
    }

    /// A circle in a circle.
    [private]
    fn make_circles(outer: i64, inner: i64, shuffle: bool, noise: Option<f64>, factor: f64, seed: i64)
        -> (x: Tensor, y: Tensor) {
        labelled(datasets::make_circles(pair(outer, inner)?, shuffle, noise, factor, &mut state(seed)))
    }

    /// Blobs. `centers` is a matrix of them, or absent: then they are drawn in the box.
    [private]
    fn make_blobs(counts: Vec<i64>, centers: Option<Tensor>, features: i64, stds: Vec<f64>, low: f64, high: f64,
                  shuffle: bool, seed: i64) -> (x: Tensor, y: Tensor, centers: Tensor) {
        let mut rng = state(seed);
        let counts: Vec<usize> = counts.iter().map(|&n| count("nSamples", n)).collect::<Result<_>>()?;
        let centers = match centers {
            Some(c) => {
                ensure!(c.ndim() == 2 && c.shape()[0] == counts.len(), Value,
                    "makeBlobs: {} counts of samples do not fit centers of shape {:?}; give a row per count", counts.len(), c.shape());
                rows(c)?
            }
            None => {
                let columns = count("nFeatures", features)?;
                Rows { columns, values: (0..counts.len() * columns).map(|_| rng.uniform(low, high)).collect() }
            }
        };
        let stds = if stds.len() == 1 { vec![stds[0]; counts.len()] } else { stds.to_vec() };
        ensure!(stds.len() == counts.len(), Value,
            "makeBlobs: Length of clusterStd ({}) not consistent with number of centers ({})", stds.len(), counts.len());
        let (x, y) = datasets::make_blobs(&counts, &centers, &stds, shuffle, &mut rng);
        Ok((matrix(&x)?, vector(&y)?, matrix(&centers)?))
    }

    /// Clusters at the corners of a cube. Empty `shift` and `scale` are drawn; one number stands for all features.
    [private]
    fn make_classification(samples: i64, features: i64, informative: i64, redundant: i64, repeated: i64, classes: i64,
                           clusters_per_class: i64, weights: Vec<f64>, flip_y: f64, class_sep: f64, hypercube: bool,
                           shift: Vec<f64>, scale: Vec<f64>, shuffle: bool, seed: i64) -> (x: Tensor, y: Tensor) {
        let n = |name, v| count(name, v);
        let features = n("nFeatures", features)?;
        let spread = |v: &[f64]| match v.len() {
            0 => Ok(None),
            1 => Ok(Some(vec![v[0]; features])),
            k if k == features => Ok(Some(v.to_vec())),
            k => bail!(Value, "makeClassification: shift and scale have a number per feature: {k} numbers, {features} features"),
        };
        let o = Classification {
            samples: n("nSamples", samples)?,
            features,
            informative: n("nInformative", informative)?,
            redundant: n("nRedundant", redundant)?,
            repeated: n("nRepeated", repeated)?,
            classes: n("nClasses", classes)?,
            clusters_per_class: n("nClustersPerClass", clusters_per_class)?,
            weights: weights.to_vec(),
            flip_y,
            class_sep,
            hypercube,
            shift: spread(shift)?,
            scale: spread(scale)?,
            shuffle,
        };
        ensure!(o.informative + o.redundant + o.repeated <= features, Value,
            "makeClassification: Number of informative, redundant and repeated features ({}) must sum to less than the \
             number of total features ({features})", o.informative + o.redundant + o.repeated);
        let clusters = o.classes * o.clusters_per_class;
        ensure!(o.informative as f64 >= libm::log2(clusters as f64), Value,
            "makeClassification: n_classes({}) * n_clusters_per_class({}) must be smaller or equal 2**n_informative({})={}",
            o.classes, o.clusters_per_class, o.informative, 2f64.powi(o.informative as i32));
        ensure!(o.weights.len() == o.classes, Value, "makeClassification: Weights specified but incompatible with number of classes.");
        labelled(datasets::make_classification(&o, &mut state(seed)))
    }

    /// A random linear model.
    [private]
    fn make_regression(samples: i64, features: i64, informative: i64, targets: i64, bias: f64, noise: f64, shuffle: bool,
                       seed: i64) -> (x: Tensor, y: Tensor, coef: Tensor) {
        let o = Regression {
            samples: count("nSamples", samples)?,
            features: count("nFeatures", features)?,
            informative: count("nInformative", informative)?,
            targets: count("nTargets", targets)?,
            bias,
            noise,
            shuffle,
        };
        let (x, y, coef) = datasets::make_regression(o, &mut state(seed));
        let column = |m: &Rows| -> Result<Tensor> {
            let t = matrix(m)?;
            if m.columns == 1 { ops::squeeze_dim(&t, 1) } else { Ok(t) }
        };
        Ok((matrix(&x)?, column(&y)?, column(&coef)?))
    }

    /// A rolled-up sheet.
    [private]
    fn make_swiss_roll(samples: i64, noise: f64, hole: bool, seed: i64) -> (x: Tensor, t: Tensor) {
        placed(datasets::make_swiss_roll(count("nSamples", samples)?, noise, hole, &mut state(seed)))
    }

    /// A sheet bent like the letter S.
    [private]
    fn make_s_curve(samples: i64, noise: f64, seed: i64) -> (x: Tensor, t: Tensor) {
        placed(datasets::make_s_curve(count("nSamples", samples)?, noise, &mut state(seed)))
    }

    /// Nested shells.
    [private]
    fn make_gaussian_quantiles(mean: Vec<f64>, cov: f64, samples: i64, classes: i64, shuffle: bool, seed: i64)
        -> (x: Tensor, y: Tensor) {
        let (n, k) = (count("nSamples", samples)?, count("nClasses", classes)?);
        ensure!(k > 0 && n >= k, Value, "makeGaussianQuantiles: n_samples must be at least n_classes: {n} samples, {k} classes");
        labelled(datasets::make_gaussian_quantiles(mean, cov, n, k, shuffle, &mut state(seed)))
    }

    /// Indices for training and testing; `stratify` holds the class of each sample.
    [private]
    fn train_test_indices(samples: i64, train: i64, test: i64, stratify: Option<Tensor>, seed: i64)
        -> (train: Tensor, test: Tensor) {
        let (n, train, test) = (samples as usize, train as usize, test as usize);
        let (train, test) = match stratify {
            None => datasets::split(n, train, test, &mut state(seed)),
            Some(y) => {
                let classes = class_numbers(y, n)?;
                let k = classes.iter().max().map_or(0, |m| m + 1);
                let least = (0..k).map(|c| classes.iter().filter(|&&x| x == c).count()).min().unwrap_or(0);
                ensure!(least >= 2, Value,
                    "trainTestSplit: The least populated classes in y have only {least} member, which is too few. The minimum \
                     number of groups for any class cannot be less than 2.");
                ensure!(train >= k, Value, "trainTestSplit: The train_size = {train} should be greater or equal to the number of classes = {k}");
                ensure!(test >= k, Value, "trainTestSplit: The test_size = {test} should be greater or equal to the number of classes = {k}");
                datasets::split_by_class(&classes, train, test, &mut state(seed))
            }
        };
        Ok((indices(&train)?, indices(&test)?))
    }

    /// The order in which `sklearn.utils.shuffle` puts `n` samples.
    [private]
    fn shuffled_indices(n: i64, seed: i64) -> Tensor {
        indices(&state(seed).permutation(n as usize))
    }

    /// Least and largest value of each column, in float64.
    [private]
    fn min_max_scaler_fit(input: Tensor) -> (least: Tensor, most: Tensor) {
        let [least, most] = datasets::extremes(&rows(input)?);
        Ok((line(&least)?, line(&most)?))
    }

    /// Each column less `offset` and divided by `factor`; integers become the default float type.
    [private]
    fn scale_columns(input: Tensor, offset: Option<Tensor>, factor: Option<Tensor>) -> Tensor {
        columns(input, (offset, 0.0, |v, o| v - o), (factor, 1.0, |v, f| v / f))
    }

    /// Each column times `factor` and plus `offset`: `scaleColumns` backwards.
    [private]
    fn unscale_columns(input: Tensor, offset: Option<Tensor>, factor: Option<Tensor>) -> Tensor {
        columns(input, (factor, 1.0, |v, f| v * f), (offset, 0.0, |v, o| v + o))
    }
}

fn state(seed: i64) -> RandomState {
    RandomState::new(seed as u32)
}

fn count(name: &str, n: i64) -> Result<usize> {
    ensure!(n >= 0, Value, "{name} must not be negative, got {n}");
    Ok(n as usize)
}

fn pair(outer: i64, inner: i64) -> Result<[usize; 2]> {
    Ok([count("nSamples", outer)?, count("nSamples", inner)?])
}

/// Like scikit-learn's arrays, what is made here is in float64 and on the CPU, whatever the default device.
fn on_host<T: Element>(data: &[T], shape: &[usize]) -> Result<Tensor> {
    let _host = device::enter(Device::Cpu);
    Tensor::from_slice(data, shape)
}

fn matrix(x: &Rows) -> Result<Tensor> {
    on_host(&x.values, &[x.len(), x.columns])
}

fn line(x: &[f64]) -> Result<Tensor> {
    on_host(x, &[x.len()])
}

fn vector(y: &[i64]) -> Result<Tensor> {
    on_host(y, &[y.len()])
}

fn indices(v: &[usize]) -> Result<Tensor> {
    vector(&v.iter().map(|&i| i as i64).collect::<Vec<_>>())
}

fn labelled((x, y): (Rows, Vec<i64>)) -> Result<(Tensor, Tensor)> {
    Ok((matrix(&x)?, vector(&y)?))
}

fn placed((x, t): (Rows, Vec<f64>)) -> Result<(Tensor, Tensor)> {
    Ok((matrix(&x)?, line(&t)?))
}

fn rows(t: &Tensor) -> Result<Rows> {
    ensure!(
        t.ndim() == 2,
        Shape,
        "expected a matrix of samples by features, got shape {:?}; use reshape(-1, 1) for one feature",
        t.shape()
    );
    Ok(Rows { columns: t.shape()[1], values: t.to_vec::<f64>()? })
}

/// Class numbers from 0 in the order of the values.
fn class_numbers(y: &Tensor, samples: usize) -> Result<Vec<usize>> {
    ensure!(
        y.ndim() == 1 && y.numel() == samples,
        Shape,
        "trainTestSplit: stratify needs one class per sample: shape {:?}, {samples} samples",
        y.shape()
    );
    let values = y.to_vec::<f64>()?;
    let mut unique = values.clone();
    unique.sort_by(f64::total_cmp);
    unique.dedup();
    Ok(values.iter().map(|v| unique.partition_point(|u| u < v)).collect())
}

/// A step on each element: the numbers of the columns, what stands for absent ones, and the operation.
type Step<'a> = (Option<&'a Tensor>, f64, fn(f64, f64) -> f64);

/// Two steps in float64, rounded to the dtype after each as numpy rounds.
fn columns(input: &Tensor, first: Step, second: Step) -> Result<Tensor> {
    let mut x = rows(input)?;
    let dtype = if input.dtype() == DType::F32 { DType::F32 } else { DType::F64 };
    for (numbers, default, f) in [first, second] {
        let numbers = match numbers {
            Some(t) => t.to_vec::<f64>()?,
            None => vec![default; x.columns],
        };
        ensure!(
            numbers.len() == x.columns,
            Value,
            "X has {} features, but the scaler is expecting {} features as input",
            x.columns,
            numbers.len()
        );
        for (i, v) in x.values.iter_mut().enumerate() {
            *v = f(*v, numbers[i % numbers.len()]);
            if dtype == DType::F32 {
                *v = *v as f32 as f64;
            }
        }
    }
    Tensor::from_slice(&x.values, input.shape())?.cast_data(dtype)
}
