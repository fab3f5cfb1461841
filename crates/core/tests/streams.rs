//! The numbers of PyTorch 2.13, numpy 2.4 and scikit-learn 1.9 for the same seeds, bit for bit.

use std::collections::HashMap;

use cresset_core::DType;
use cresset_core::datasets::{self, Classification, Regression, Rows};
use cresset_core::random::numpy::RandomState;
use cresset_core::random::{Elements, Generator, fill};

fn bits32(text: &str) -> Vec<u32> {
    text.split_whitespace().map(|w| u32::from_str_radix(w, 16).unwrap()).collect()
}

fn bits64(text: &str) -> Vec<u64> {
    text.split_whitespace().map(|w| u64::from_str_radix(w, 16).unwrap()).collect()
}

fn integers(text: &str) -> Vec<i64> {
    text.split_whitespace().map(|w| w.parse().unwrap()).collect()
}

/// One line of torch_streams.txt: dtype, draw, its arguments, number of elements, `=`, what PyTorch gives.
fn check_draw(g: &mut Generator, line: &str) {
    let (call, want) = line.split_once(" = ").unwrap();
    let words: Vec<&str> = call.split(' ').collect();
    let n: usize = words[words.len() - 1].parse().unwrap();
    let args: Vec<f64> = words[2..words.len() - 1].iter().map(|w| w.parse().unwrap()).collect();
    match words[0] {
        "float32" => {
            let mut out = vec![0f32; n];
            match words[1] {
                "rand" => fill::uniform(g, Elements::F32(&mut out), 0.0, 1.0),
                "randn" => fill::normal(g, Elements::F32(&mut out), 0.0, 1.0, true),
                "uniform_" => fill::uniform(g, Elements::F32(&mut out), args[0], args[1]),
                "normal" | "normal_" => fill::normal(g, Elements::F32(&mut out), args[0], args[1], true),
                "exponential_" => fill::Draw::Exponential { rate: args[0] }.fill(g, Elements::F32(&mut out)),
                "bernoulli" => {
                    fill::bernoulli_each(g, Elements::F32(&mut out), &args, DType::F32);
                }
                "dropout" => {
                    fill::bernoulli(g, Elements::F32(&mut out), 1.0 - args[0]);
                    out.iter_mut().for_each(|x| *x /= (1.0 - args[0]) as f32);
                }
                other => panic!("unknown draw {other}"),
            }
            assert_eq!(out.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), bits32(want), "{call}");
        }
        "float64" => {
            let mut out = vec![0f64; n];
            match words[1] {
                "rand" => fill::uniform(g, Elements::F64(&mut out), 0.0, 1.0),
                "randn" => fill::normal(g, Elements::F64(&mut out), 0.0, 1.0, true),
                other => panic!("unknown draw {other}"),
            }
            assert_eq!(out.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), bits64(want), "{call}");
        }
        _ => {
            let mut out = vec![0i64; n];
            match words[1] {
                "randint" => fill::integers(g, Elements::I64(&mut out), args[0] as i64, (args[1] - args[0]) as u64),
                "randperm" => out = fill::permutation(g, n),
                "multinomial" => {
                    let weights: Vec<f32> = args[1..].iter().map(|&w| w as f32).collect();
                    if args[0] == 1.0 && n > 1 {
                        fill::choose_again(g, &weights, &mut out);
                    } else {
                        fill::choose_once(g, &weights, weights.len(), &mut out, n);
                    }
                }
                other => panic!("unknown draw {other}"),
            }
            assert_eq!(out, integers(want), "{call}");
        }
    }
}

#[test]
fn torch_streams() {
    let mut g = Generator::default();
    let mut draws = 0;
    for line in include_str!("fixtures/torch_streams.txt").lines() {
        match line.strip_prefix("seed ") {
            Some(seed) => g.manual_seed(seed.parse().unwrap()),
            None => {
                // A generator that goes on from its state is the same generator.
                g = Generator::from_state(&g.state()).unwrap();
                check_draw(&mut g, line);
                draws += 1;
            }
        }
    }
    assert!(draws > 150);
}

#[test]
fn state_blob() {
    let mut g = Generator::new(42);
    let fresh = g.state();
    assert_eq!(fresh.len(), 5056);
    assert_eq!((fresh[0], fresh[8], fresh[12], fresh[16]), (42, 1, 1, 0));
    g.u32();
    // Right after the first word: 624 left (the count includes the one taken), next = 1.
    assert_eq!((i32::from_le_bytes(g.state()[8..12].try_into().unwrap()), g.state()[16]), (624, 1));
    let mut out = [0f64; 3];
    fill::normal(&mut g, Elements::F64(&mut out), 0.0, 1.0, true);
    let mut again = Generator::from_state(&g.state()).unwrap();
    let (mut a, mut b) = ([0f64; 40], [0f64; 40]);
    fill::normal(&mut g, Elements::F64(&mut a), 0.0, 1.0, false);
    fill::normal(&mut again, Elements::F64(&mut b), 0.0, 1.0, false);
    assert_eq!(a, b);
    assert!(Generator::from_state(&fresh[1..]).is_err());
    assert!(Generator::from_state(&[0; 5056]).is_err());
}

#[test]
fn seeds() {
    let first = |seed| Generator::new(seed).u32();
    assert_eq!(first(5489), 3499211612); // the reference code's own first number
    assert_eq!(first(42), first(42 + (7 << 32)));
    assert_eq!(Generator::new(u64::MAX).initial_seed(), u64::MAX);
    assert_eq!(Generator::default().initial_seed(), 67280421310721);
}

struct Options(HashMap<String, String>);

impl Options {
    fn number(&self, name: &str, default: f64) -> f64 {
        self.0.get(name).map_or(default, |v| v.parse().unwrap())
    }
    fn count(&self, name: &str, default: usize) -> usize {
        self.number(name, default as f64) as usize
    }
    fn flag(&self, name: &str, default: bool) -> bool {
        self.0.get(name).map_or(default, |v| v.eq_ignore_ascii_case("true"))
    }
}

fn check_rows(got: &[f64], want: &str, tolerance: f64, what: &str) {
    let want: Vec<f64> = bits64(want).into_iter().map(f64::from_bits).collect();
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (a, b)) in got.iter().zip(&want).enumerate() {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{what}: element {i} is {a:e}, want {b:e}");
    }
}

/// Half of the samples for each curve, the odd one for the inner.
fn halves(n: usize) -> [usize; 2] {
    [n / 2, n - n / 2]
}

#[test]
fn scikit_learn() {
    let mut lines = include_str!("fixtures/sklearn.txt").lines().peekable();
    while let Some(line) = lines.next() {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let pairs = words.filter_map(|w| w.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned()));
        let o = Options(pairs.collect());
        let mut want = Vec::new();
        while let Some(values) = lines.next_if(|l| l.starts_with("= ")) {
            want.push(&values[2..]);
        }
        let rng = &mut RandomState::new(o.count("seed", 0) as u32);
        let n = o.count("n_samples", 100);
        let noise = o.number("noise", 0.0);
        let labelled = |(x, y): (Rows, Vec<i64>), tolerance: f64| {
            check_rows(&x.values, want[0], tolerance, line);
            assert_eq!(y, integers(want[1]), "{line}");
        };
        let placed = |(x, t): (Rows, Vec<f64>)| {
            check_rows(&x.values, want[0], 0.0, line);
            check_rows(&t, want[1], 0.0, line);
        };
        match name {
            "make_moons" => labelled(datasets::make_moons(halves(n), true, Some(noise), rng), 0.0),
            "make_circles" => {
                labelled(datasets::make_circles(halves(n), true, Some(noise), o.number("factor", 0.8), rng), 0.0)
            }
            "make_blobs" => {
                let (k, columns) = (o.count("centers", 3), o.count("n_features", 2));
                let centers = Rows { columns, values: (0..k * columns).map(|_| rng.uniform(-10.0, 10.0)).collect() };
                let counts: Vec<usize> = (0..k).map(|i| n / k + (i < n % k) as usize).collect();
                labelled(
                    datasets::make_blobs(&counts, &centers, &vec![o.number("cluster_std", 1.0); k], true, rng),
                    0.0,
                )
            }
            "make_classification" => {
                let classes = o.count("n_classes", 2);
                let weights = match o.0.get("weights") {
                    Some(w) => w.split(',').map(|w| w.parse().unwrap()).collect(),
                    None => vec![1.0 / classes as f64; classes],
                };
                let options = Classification {
                    samples: n,
                    features: o.count("n_features", 20),
                    informative: o.count("n_informative", 2),
                    redundant: o.count("n_redundant", 0),
                    repeated: o.count("n_repeated", 0),
                    classes,
                    clusters_per_class: o.count("n_clusters_per_class", 2),
                    weights,
                    flip_y: o.number("flip_y", 0.01),
                    class_sep: o.number("class_sep", 1.0),
                    hypercube: o.flag("hypercube", true),
                    shift: Some(vec![0.0; 64]),
                    scale: Some(vec![1.0; 64]),
                    shuffle: true,
                };
                labelled(datasets::make_classification(&options, rng), 1e-12)
            }
            "make_regression" => {
                let options = Regression {
                    samples: n,
                    features: o.count("n_features", 100),
                    informative: o.count("n_informative", 10),
                    targets: o.count("n_targets", 1),
                    bias: o.number("bias", 0.0),
                    noise,
                    shuffle: true,
                };
                let (x, y, coef) = datasets::make_regression(options, rng);
                check_rows(&x.values, want[0], 0.0, line);
                check_rows(&y.values, want[1], 1e-12, line);
                if let Some(want) = want.get(2) {
                    check_rows(&coef.values, want, 0.0, line);
                }
            }
            "make_swiss_roll" => placed(datasets::make_swiss_roll(n, noise, o.flag("hole", false), rng)),
            "make_s_curve" => placed(datasets::make_s_curve(n, noise, rng)),
            "make_gaussian_quantiles" => {
                let mean = vec![0.0; o.count("n_features", 2)];
                let cov = o.number("cov", 1.0);
                labelled(datasets::make_gaussian_quantiles(&mean, cov, n, o.count("n_classes", 3), true, rng), 1e-15)
            }
            "train_test_split" => {
                let n = o.count("n", 0);
                let test = (o.number("test_size", 0.25) * n as f64).ceil() as usize;
                let (train, test) = if o.flag("stratify", false) {
                    let classes: Vec<usize> = (0..n).map(|i| i % 3).collect();
                    datasets::split_by_class(&classes, n - test, test, rng)
                } else {
                    datasets::split(n, n - test, test, rng)
                };
                let as_integers = |v: Vec<usize>| v.into_iter().map(|i| i as i64).collect::<Vec<_>>();
                assert_eq!(as_integers(train), integers(want[0]), "{line}");
                assert_eq!(as_integers(test), integers(want[1]), "{line}");
            }
            other => panic!("unknown generator {other}"),
        }
    }
}
