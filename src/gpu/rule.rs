use super::kernel::Kernel;
use crate::device::Task;
use crate::model::{Optimizer, UpdateRule};

/// Parameters of an update that are compiled into its kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RuleConstants {
    optimizer: Optimizer,
    /// Momentum coefficient, both betas, epsilon, weight decay and clip norm, as bits, which implement `Eq`
    /// and `Hash`.
    numbers: [u32; 6],
    keeps_gradients: bool,
}

impl RuleConstants {
    pub fn of(task: &Task) -> Self {
        let UpdateRule { optimizer, momentum, betas, epsilon, weight_decay, clip_norm } = task.rule;
        let clip = clip_norm.unwrap_or(0.0);
        RuleConstants {
            optimizer,
            numbers: [momentum, betas[0], betas[1], epsilon, weight_decay, clip].map(f32::to_bits),
            keeps_gradients: task.keeps_gradients(),
        }
    }

    /// `true` if there are no stored gradients and no optimizer state.
    pub fn is_plain(self) -> bool {
        self.planes() == 0
    }

    /// Values stored per parameter: its optimizer state, and its gradient if gradients are stored.
    pub fn planes(self) -> usize {
        self.optimizer.moments() + usize::from(self.keeps_gradients)
    }

    pub fn constants(self, kernel: Kernel) -> Vec<(&'static str, f64)> {
        let [momentum, beta1, beta2, epsilon, weight_decay, clip] =
            self.numbers.map(|bits| f64::from(f32::from_bits(bits)));
        let rule = [
            ("OPTIMIZER", f64::from(self.optimizer as u32)),
            ("MOMENTUM_COEFFICIENT", momentum),
            ("BETA1", beta1),
            ("BETA2", beta2),
            ("EPSILON", epsilon),
            ("WEIGHT_DECAY", weight_decay),
            ("PLANES", self.planes().max(1) as f64),
            ("FIRST_MOMENT", f64::from(self.keeps_gradients)),
        ];
        let keeps = [("KEEPS_GRADIENTS", f64::from(self.keeps_gradients))];
        match kernel {
            Kernel::Update | Kernel::ThinUpdate | Kernel::PartsUpdate => {
                vec![("WEIGHT_DECAY", weight_decay)]
            }
            Kernel::ThinGradient => Vec::new(),
            Kernel::Scale => vec![("CLIP_NORM", clip), ("CLIP_MARGIN", UpdateRule::CLIP_MARGIN)],
            Kernel::Step => rule.to_vec(),
            _ => [&rule[..], &keeps].concat(),
        }
    }
}
