/// The first NaN or infinite value of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Micro-batch, counted from the start of the epoch.
    pub batch: u32,
    /// Layer whose gradient or parameter it was; `None` for the loss.
    pub layer: Option<usize>,
}

impl Fault {
    /// The place of the loss, below those of all layers because it comes first.
    pub const LOSS: u32 = 0;

    /// The place of `layer` of `layers`. Places grow in the order in which a step meets them: backward starts at the last
    /// layer.
    pub fn place(layer: usize, layers: usize) -> u32 {
        (layers - layer) as u32
    }

    /// The fault at `place` in a network of `layers` layers.
    pub fn at(batch: u32, place: u32, layers: usize) -> Self {
        Fault { batch, layer: (place != Fault::LOSS).then(|| layers.saturating_sub(place as usize)) }
    }
}
