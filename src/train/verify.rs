//! Holds what is recomputed against what was there before, to the last bit.

use std::hash::{DefaultHasher, Hasher};

use crate::device::Device;
use crate::execute::{Backend, Work};
use crate::model::Network;
use crate::plan::{Action, Plan};
use crate::{Error, Result};

/// Remembers each state that a plan makes more than once, and compares every later making with the first.
///
/// It keeps 64 bits of hash for each sample of such a state rather than the state itself: `8 · samples` bytes on the
/// host for every recomputed layer, where the state takes `4 · samples · width`. Reading states back waits for the
/// device, so a verified run is slower; its numbers are the same.
pub struct Verifier {
    samples: usize,
    /// The width of every state, `s_0` first.
    widths: Vec<usize>,
    /// By layer, whether its output is made more than once.
    recomputed: Vec<bool>,
    /// By layer, the hash of each of its output's rows in the micro-batch at hand; empty until it is made.
    digests: Vec<Vec<u64>>,
    compared: u64,
}

/// A device whose states a [`Verifier`] looks at, for one micro-batch.
pub struct Verified<'a> {
    device: &'a mut dyn Device,
    verifier: &'a mut Verifier,
    step: u64,
    part: usize,
}

impl Verifier {
    /// For micro-batches of `samples` samples, run by `plan`.
    pub fn new(network: &Network, samples: usize, plan: &Plan) -> Self {
        let layers = network.layers().len();
        let mut recomputed = vec![false; layers];
        for action in &plan.step {
            if let Action::Recompute { layers, .. } = *action {
                recomputed[layers.last()] = true;
            }
        }
        Verifier {
            samples,
            widths: network.widths().to_vec(),
            recomputed,
            digests: vec![Vec::new(); layers],
            compared: 0,
        }
    }

    /// Whether the plan makes any state more than once.
    pub fn has_work(&self) -> bool {
        self.recomputed.contains(&true)
    }

    /// How many recomputed states were equal to the last bit to what was there before.
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// Begins a micro-batch, `part` of step `step`, both counted from 0: `device` with an eye on its states.
    pub fn watch<'a>(&'a mut self, device: &'a mut dyn Device, step: u64, part: usize) -> Verified<'a> {
        self.digests.iter_mut().for_each(Vec::clear);
        Verified { device, verifier: self, step, part }
    }

    /// Elements of the output of `layer`, if it is one to compare.
    fn elements_to_compare(&self, layer: usize) -> Option<usize> {
        self.recomputed[layer].then(|| self.samples * self.widths[layer + 1])
    }

    /// Compares the output `state` of `layer`, `[samples, width]`, with its first making.
    ///
    /// # Errors
    /// The first sample in which they differ.
    fn compare(&mut self, layer: usize, state: &[f32]) -> Result<(), usize> {
        let rows = state.chunks_exact(self.widths[layer + 1]).map(digest);
        let known = &mut self.digests[layer];
        if known.is_empty() {
            known.extend(rows);
            return Ok(());
        }
        match rows.zip(known).position(|(found, expected)| found != *expected) {
            Some(sample) => Err(sample),
            None => {
                self.compared += 1;
                Ok(())
            }
        }
    }
}

impl Backend for Verified<'_> {
    fn run(&mut self, work: Work) -> Result<()> {
        self.device.run(work)?;
        let Work::Forward { layers, output, .. } = work else { return Ok(()) };
        let (layer, step, part) = (layers.last(), self.step, self.part);
        let Some(elements) = self.verifier.elements_to_compare(layer) else { return Ok(()) };
        let state = self.device.read_slot(output, elements)?;
        let differs = |sample| Error::RecomputeDiffers { layer, step, part, sample };
        self.verifier.compare(layer, &state).map_err(differs)
    }
}

/// A hash of the bits, so that 0 and -0 differ and NaN equals itself.
fn digest(row: &[f32]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytemuck::cast_slice(row));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Activation, Loss};
    use crate::plan::{Chain, PoolLimits};
    use crate::strategy::Strategy;

    #[test]
    fn one_bit_in_one_sample_is_found() {
        let network = Network::new(&[2; 4], Activation::Tanh, Loss::Quadratic).unwrap();
        let chain = Chain::of(&network, 3).unwrap();
        let plan = Strategy::EveryN(2).plan(&chain, PoolLimits::default(), 0).unwrap();
        let mut verifier = Verifier::new(&network, 3, &plan);
        assert!(verifier.has_work());
        let mut state = [0.5_f32, -1.0, 0.0, f32::NAN, 7.0, 1e-40];
        assert_eq!(verifier.compare(1, &state), Ok(()));
        assert_eq!((verifier.compare(1, &state), verifier.compared()), (Ok(()), 1));
        state[2] = -0.0;
        assert_eq!(verifier.compare(1, &state), Err(1));
        state[2] = 0.0;
        state[5] = f32::from_bits(state[5].to_bits() ^ 1);
        assert_eq!((verifier.compare(1, &state), verifier.compared()), (Err(2), 1));
    }
}
