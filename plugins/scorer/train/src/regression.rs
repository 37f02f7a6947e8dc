//! Logistic regression over sparse features by stochastic gradient descent, in a fixed order, on one thread.

use pillarbox_scorer::model::features::Kind;

/// How training goes.
#[derive(Clone, Copy)]
pub struct Recipe {
    /// Passes over all samples.
    pub passes: usize,
    /// The first step.
    pub step: f32,
    /// The pull of weights towards zero.
    pub pull: f32,
    /// How much each kind of features counts.
    pub strengths: [f32; Kind::COUNT],
    /// What part of each kind's judgement is believed afterwards. Learning with a kind and believing little of it is
    /// another thing than learning without: what only tells collections apart goes into it, and leaves with it.
    pub trusted: [f32; Kind::COUNT],
    /// The share of features that each step overlooks, so that no few of them decide alone.
    pub overlooked: f32,
    /// Natural-logarithm odds that one point stands for.
    pub odds_per_point: f32,
}

/// One message as numbers.
pub struct Sample {
    /// Whether it is spam.
    pub is_spam: bool,
    /// How much it counts in training.
    pub weight: f32,
    /// Indices of its features by kind, each once.
    pub features: [Vec<u32>; Kind::COUNT],
}

/// Weights, and what is added to all.
pub struct Fit {
    /// By index of feature.
    pub weights: Vec<f32>,
    /// Of a message without features.
    pub bias: f32,
}

/// What one of so many features counts: together they have length `strength`.
fn value(count: usize, strength: f32) -> f32 {
    strength / (count.max(1) as f32).sqrt()
}

/// Fits weights to the samples.
pub fn fit(samples: &[&Sample], features: usize, recipe: &Recipe, seed: u64) -> Fit {
    let mut fit = Fit { weights: vec![0.0; features], bias: 0.0 };
    let mut random = Random::of(seed);
    let mut order: Vec<usize> = (0..samples.len()).collect();
    // The weights are `scale` times what is stored, so that the pull costs nothing per feature.
    let mut scale = 1.0_f32;
    let total = (recipe.passes * samples.len()) as f32;
    let mut done = 0.0_f32;
    let overlooked = (recipe.overlooked * 65_536.0) as u64;
    let mut looked_at: [Vec<u32>; Kind::COUNT] = Default::default();
    for _ in 0..recipe.passes {
        random.shuffle(&mut order);
        for &at in &order {
            let sample = samples[at];
            let step = recipe.step * (1.0 - done / total);
            done += 1.0;
            for (looked_at, features) in looked_at.iter_mut().zip(&sample.features) {
                looked_at.clear();
                looked_at.extend(features.iter().filter(|_| random.number() & 0xffff >= overlooked));
            }
            let mut odds = fit.bias;
            for (features, strength) in looked_at.iter().zip(recipe.strengths) {
                let sum: f32 = features.iter().map(|at| fit.weights[*at as usize]).sum();
                odds += sum * scale * value(features.len(), strength);
            }
            let error = f32::from(u8::from(sample.is_spam)) - 1.0 / (1.0 + (-odds).exp());
            scale *= 1.0 - step * recipe.pull;
            let change = step * error * sample.weight;
            fit.bias += change * 0.1;
            for (features, strength) in looked_at.iter().zip(recipe.strengths) {
                let change = change * value(features.len(), strength) / scale;
                for feature in features {
                    fit.weights[*feature as usize] += change;
                }
            }
            if scale < 1e-4 {
                fit.weights.iter_mut().for_each(|weight| *weight *= scale);
                scale = 1.0;
            }
        }
    }
    fit.weights.iter_mut().for_each(|weight| *weight *= scale);
    fit
}

/// Numbers that look random and are the same in each run (`SplitMix64`).
pub struct Random(u64);

impl Random {
    /// The sequence of a seed.
    pub fn of(seed: u64) -> Random {
        Random(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound.max(1) as u64) as usize
    }

    /// One of some.
    pub fn of_many<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    /// Whether something happens that happens `percent` times of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Brings a list into random order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at + 1));
        }
    }
}
