//! Faults by chance: the same ones for the same seed.

/// Lets some of all requests go wrong.
pub struct Storm {
    chance: fastrand::Rng,
    percent: u32,
}

impl Storm {
    pub fn new(seed: u64, percent: u32) -> Self {
        Self { chance: fastrand::Rng::with_seed(seed), percent }
    }

    /// Tells of the next request whether it goes wrong, by a number that says how.
    pub fn strikes(&mut self) -> Option<u32> {
        (self.chance.u32(0..100) < self.percent).then(|| self.chance.u32(..))
    }
}
