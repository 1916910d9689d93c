use crate::device::Task;
use crate::model::UpdateRule;

/// Parameters of an update that are compiled into its kernel.
#[derive(Debug, Clone, Copy)]
pub struct RuleConstants {
    rule: UpdateRule,
    keeps_gradients: bool,
}

impl RuleConstants {
    pub fn new(rule: UpdateRule, keeps_gradients: bool) -> Self {
        RuleConstants { rule, keeps_gradients }
    }

    pub fn of(task: &Task) -> Self {
        Self::new(task.rule, task.keeps_gradients())
    }

    /// `true` if there are no stored gradients and no optimizer state.
    pub fn is_plain(self) -> bool {
        self.planes() == 0
    }

    /// Values stored per parameter: its optimizer state, and its gradient if gradients are stored.
    pub fn planes(self) -> usize {
        self.rule.moments() + usize::from(self.keeps_gradients)
    }

    /// Constants of kernels that compute gradients, or add their parts.
    pub fn of_gradients(self) -> Vec<(&'static str, f64)> {
        if self.is_plain() {
            return vec![("WEIGHT_DECAY", self.rule.weight_decay.into())];
        }
        let mut constants = self.of_optimizer().to_vec();
        constants.push(("KEEPS_GRADIENTS", f64::from(self.keeps_gradients)));
        constants
    }

    /// Constants of `shaders/rule.wgsl`.
    pub fn of_optimizer(self) -> [(&'static str, f64); 9] {
        let UpdateRule { optimizer, momentum, betas, epsilon, weight_decay, ema, .. } = self.rule;
        [
            ("OPTIMIZER", f64::from(optimizer as u32)),
            ("MOMENTUM_COEFFICIENT", momentum.into()),
            ("BETA1", betas[0].into()),
            ("BETA2", betas[1].into()),
            ("EPSILON", epsilon.into()),
            ("WEIGHT_DECAY", weight_decay.into()),
            self.of_planes(),
            ("EMA", ema.unwrap_or(0.0).into()),
            ("FIRST_MOMENT", f64::from(self.keeps_gradients)),
        ]
    }

    /// Number of planes, as shaders have it.
    pub fn of_planes(self) -> (&'static str, f64) {
        ("PLANES", self.planes().max(1) as f64)
    }

    pub fn of_clipping(self) -> [(&'static str, f64); 2] {
        let clip = self.rule.clip_norm.unwrap_or(0.0);
        [("CLIP_NORM", clip.into()), ("CLIP_MARGIN", UpdateRule::CLIP_MARGIN)]
    }
}
