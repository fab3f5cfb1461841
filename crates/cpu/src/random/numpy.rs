//! `numpy.random.RandomState`, the generator behind scikit-learn's `random_state` (numpy/random/src/legacy).

use super::glibc;
use super::mt19937::Mt19937;

/// A stream equal to that of numpy's RandomState with the same seed.
#[derive(Clone)]
pub struct RandomState {
    engine: Mt19937,
    /// The first number of a pair whose second was returned.
    waiting: Option<f64>,
}

impl RandomState {
    /// `RandomState(seed)` for a seed of 32 bits.
    pub fn new(seed: u32) -> Self {
        Self { engine: Mt19937::new(seed), waiting: None }
    }

    /// `RandomState([...])`.
    pub fn from_key(key: &[u32]) -> Self {
        Self { engine: Mt19937::from_key(key), waiting: None }
    }

    /// `random_sample()`: uniform in [0, 1).
    pub fn sample(&mut self) -> f64 {
        let (a, b) = (self.engine.u32() >> 5, self.engine.u32() >> 6);
        (a as f64 * 67_108_864.0 + b as f64) / 9_007_199_254_740_992.0
    }

    /// `random_sample(n)`.
    pub fn samples(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.sample()).collect()
    }

    /// `uniform(low, high)`.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.sample()
    }

    /// `standard_normal()`: Marsaglia's polar method, two at a time, the second returned first.
    pub fn standard_normal(&mut self) -> f64 {
        if let Some(z) = self.waiting.take() {
            return z;
        }
        loop {
            let (x, y) = (2.0 * self.sample() - 1.0, 2.0 * self.sample() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 && square != 0.0 {
                let f = (-2.0 * glibc::log(square) / square).sqrt();
                self.waiting = Some(f * x);
                return f * y;
            }
        }
    }

    /// `normal(mean, std)`.
    pub fn normal(&mut self, mean: f64, std: f64) -> f64 {
        mean + std * self.standard_normal()
    }

    /// `normal(mean, std, n)`.
    pub fn normals(&mut self, mean: f64, std: f64, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.normal(mean, std)).collect()
    }

    /// An integer in [0, most]: masked words until one fits.
    pub fn interval(&mut self, most: u64) -> u64 {
        if most == 0 {
            return 0;
        }
        let mask = u64::MAX >> most.leading_zeros();
        loop {
            let word = if most <= u32::MAX as u64 { self.engine.u32() as u64 } else { self.engine.u64() } & mask;
            if word <= most {
                return word;
            }
        }
    }

    /// `randint(low, high)`.
    pub fn integer(&mut self, low: i64, high: i64) -> i64 {
        low + self.interval((high - 1 - low) as u64) as i64
    }

    /// `shuffle(items)`.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.interval(i as u64) as usize);
        }
    }

    /// `permutation(n)`.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut items: Vec<usize> = (0..n).collect();
        self.shuffle(&mut items);
        items
    }

    /// `choice(n, size, replace=False)`.
    pub fn choose_once(&mut self, n: usize, size: usize) -> Vec<usize> {
        let mut items = self.permutation(n);
        items.truncate(size);
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expected values: numpy 2.4.
    #[test]
    fn as_numpy_draws() {
        let mut r = RandomState::new(42);
        assert_eq!(r.sample(), 0.3745401188473625);
        assert_eq!(r.standard_normal(), -1.1118801180469204);
        assert_eq!(r.standard_normal(), 0.31890218468938336);
        assert_eq!(r.integer(0, 1_000_000_000_000), 902372521174);
        assert_eq!(r.integer(3, 20), 13);
        assert_eq!(
            RandomState::new(0).normals(0.0, 1.0, 3),
            [1.764052345967664, 0.4001572083672233, 0.9787379841057392]
        );
        assert_eq!(RandomState::new(0).permutation(10), [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]);
        assert_eq!(RandomState::new(5).choose_once(8, 3), [7, 2, 4]);
        assert_eq!(RandomState::from_key(&[1, 2, 3]).sample(), 0.6098612722867289);
    }
}
