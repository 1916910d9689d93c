/// The masks of a network in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropout {
    /// Of 65,536 values so many drop a unit of what a layer reads, layer by layer.
    pub dropped: Vec<u32>,
    /// Key of the step.
    pub key: [u32; 2],
    /// Place in the mini-batch of the first sample of what is computed.
    pub first: usize,
}

/// The mask of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask {
    dropped: u32,
    key: [u32; 2],
    first: usize,
}

impl Dropout {
    /// The mask of `layer`; `None` if it drops nothing.
    pub fn mask(&self, layer: usize) -> Option<Mask> {
        let from_last = (self.dropped.len() - layer) as u32;
        let key = [self.key[0], self.key[1] ^ from_last];
        let dropped = self.dropped[layer];
        (dropped > 0).then_some(Mask { dropped, key, first: self.first })
    }
}

impl Mask {
    /// What the value of a unit is multiplied by in a sample, counted from the first of what is computed.
    pub fn factor(self, sample: usize, unit: usize) -> f64 {
        let counter = [(self.first + sample) as u32, (unit / 4) as u32];
        let words = threefry2x32(13, self.key, counter);
        let bits = words[unit % 4 / 2] >> (16 * (unit % 2) as u32) & 0xffff;
        if bits < self.dropped { 0.0 } else { 65536.0 / (65536.0 - f64::from(self.dropped)) }
    }

    /// The mask of that sample alone.
    pub fn of_sample(self, sample: usize) -> Self {
        Mask { first: self.first + sample, ..self }
    }
}

/// Two random words by Threefry-2x32 of up to 20 `rounds` (Salmon et al. 2011). Before the first round and after each fourth, two of
/// the three words of the extended key are added, and the number of the addition to the second.
pub fn threefry2x32(rounds: usize, key: [u32; 2], counter: [u32; 2]) -> [u32; 2] {
    let extended = [key[0], key[1], key[0] ^ key[1] ^ 0x1bd1_1bda];
    let with_key = |[a, b]: [u32; 2], turn: usize| {
        [
            a.wrapping_add(extended[turn % 3]),
            b.wrapping_add(extended[(turn + 1) % 3]).wrapping_add(turn as u32),
        ]
    };
    let mut words = with_key(counter, 0);
    for round in 1..=rounds {
        let [a, b] = words;
        let sum = a.wrapping_add(b);
        let rotation = [13, 15, 26, 6, 17, 29, 16, 24][(round - 1) % 8];
        words = [sum, b.rotate_left(rotation) ^ sum];
        if round % 4 == 0 {
            words = with_key(words, round / 4);
        }
    }
    words
}
