//! Train and test indices (sklearn.model_selection: ShuffleSplit and StratifiedShuffleSplit).

use super::pick;
use crate::random::numpy::RandomState;

/// Shuffled indices of (train, test).
pub fn split(samples: usize, train: usize, test: usize, rng: &mut RandomState) -> (Vec<usize>, Vec<usize>) {
    let order = rng.permutation(samples);
    (order[test..test + train].to_vec(), order[..test].to_vec())
}

/// How many of `draws` each class gets, in proportion to the counts; what rounding leaves over goes to the largest
/// fractions, and among equal fractions to classes drawn at random.
fn shares(counts: &[usize], draws: usize, rng: &mut RandomState) -> Vec<usize> {
    let total: usize = counts.iter().sum();
    let exact: Vec<f64> = counts.iter().map(|&c| c as f64 / total as f64 * draws as f64).collect();
    let mut out: Vec<usize> = exact.iter().map(|e| e.floor() as usize).collect();
    let mut missing = draws - out.iter().sum::<usize>();
    let fraction: Vec<f64> = exact.iter().map(|e| e - e.floor()).collect();
    let mut values = fraction.clone();
    values.sort_by(|a, b| b.total_cmp(a));
    values.dedup();
    for value in values {
        if missing == 0 {
            break;
        }
        let equal: Vec<usize> = (0..counts.len()).filter(|&i| fraction[i] == value).collect();
        let now = equal.len().min(missing);
        for i in rng.choose_once(equal.len(), now) {
            out[equal[i]] += 1;
        }
        missing -= now;
    }
    out
}

/// Shuffled indices of (train, test) in which every class has its share; `classes` holds the class number of each
/// sample, counted from 0 in the order of the classes' values, every one of them in use.
pub fn split_by_class(classes: &[usize], train: usize, test: usize, rng: &mut RandomState) -> (Vec<usize>, Vec<usize>) {
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); classes.iter().max().map_or(0, |m| m + 1)];
    for (i, &c) in classes.iter().enumerate() {
        members[c].push(i);
    }
    let counts: Vec<usize> = members.iter().map(Vec::len).collect();
    let to_train = shares(&counts, train, rng);
    let left: Vec<usize> = counts.iter().zip(&to_train).map(|(c, t)| c - t).collect();
    let to_test = shares(&left, test, rng);
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (c, members) in members.iter().enumerate() {
        let order = pick(members, &rng.permutation(counts[c]));
        train.extend_from_slice(&order[..to_train[c]]);
        test.extend_from_slice(&order[to_train[c]..to_train[c] + to_test[c]]);
    }
    rng.shuffle(&mut train);
    rng.shuffle(&mut test);
    (train, test)
}
