/// The first number of a pass that was infinite or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// In which of the pass's micro-batches, counted from the start of its epoch.
    pub batch: u32,
    /// The layer that had a gradient or parameter like that; none where it was the loss.
    pub layer: Option<usize>,
}

impl Fault {
    /// What devices note of a faulty loss; less than that of any layer, because it comes before.
    pub const LOSS: u32 = 0;

    /// What devices note of a fault in `layer` of `layers`: backward meets the last layer first.
    pub fn place(layer: usize, layers: usize) -> u32 {
        (layers - layer) as u32
    }

    /// The fault that was noted at `place` of `layers` layers.
    pub fn at(batch: u32, place: u32, layers: usize) -> Self {
        Fault { batch, layer: (place != Fault::LOSS).then(|| layers.saturating_sub(place as usize)) }
    }
}
