use pulp::{Arch, NullaryFnOnce};

use crate::model::{Optimizer, StepParams, UpdateRule};

/// How gradients move parameters in a step.
#[derive(Clone, Copy)]
pub(super) struct Update {
    pub rule: UpdateRule,
    pub step_params: StepParams,
    /// What gradients are multiplied by.
    pub scale: f32,
}

/// Parameters with what the optimizer remembers of them: nothing, or one or two numbers each.
pub(super) struct Moving<'a> {
    pub parameters: &'a mut [f32],
    pub moments: [&'a mut [f32]; 2],
}

impl Update {
    /// Whether a gradient is all that it takes to move its parameter.
    pub fn is_plain(&self) -> bool {
        is_plain(&self.rule)
    }

    /// Moves `moving` by `gradients`; says whether all of both are finite.
    pub fn run(&self, gradients: &[f32], moving: Moving) -> bool {
        Arch::new().dispatch(Run { update: self, gradients, moving })
    }

    /// As [`Update::run`], in the caller's vectors.
    #[inline(always)]
    pub fn run_inline(
        &self,
        gradients: &[f32],
        Moving { parameters, moments: [first, second] }: Moving,
    ) -> bool {
        let UpdateRule { optimizer, momentum, betas: [beta1, beta2], epsilon, weight_decay, .. } = self.rule;
        let (StepParams { rate, stride, root }, scale) = (self.step_params, self.scale);
        let decayed = |gradient: f32, parameter: f32| scale * gradient + weight_decay * parameter;
        let mut faults = 0;
        let mut note = |gradient: f32, parameter: f32| {
            faults |= u32::from(!gradient.is_finite()) | u32::from(!parameter.is_finite());
        };
        let pairs = parameters.iter_mut().zip(gradients);
        match optimizer {
            Optimizer::Sgd => pairs.for_each(|(p, &g)| {
                *p -= rate * decayed(g, *p);
                note(g, *p);
            }),
            Optimizer::Momentum => pairs.zip(first).for_each(|((p, &g), m)| {
                *m = momentum * *m + decayed(g, *p);
                *p -= rate * *m;
                note(g, *p);
            }),
            Optimizer::Nesterov => pairs.zip(first).for_each(|((p, &g), m)| {
                let decayed = decayed(g, *p);
                *m = momentum * *m + decayed;
                *p -= rate * (decayed + momentum * *m);
                note(g, *p);
            }),
            Optimizer::Adam | Optimizer::Adamw => {
                let is_apart = optimizer == Optimizer::Adamw;
                let kept = if is_apart { 1.0 - rate * weight_decay } else { 1.0 };
                let added = if is_apart { 0.0 } else { weight_decay };
                pairs.zip(first.iter_mut().zip(second)).for_each(|((p, &g), (m, v))| {
                    let gradient = scale * g + added * *p;
                    *m = beta1 * *m + (1.0 - beta1) * gradient;
                    *v = beta2 * *v + (1.0 - beta2) * gradient * gradient;
                    *p = kept * *p - stride * *m / (v.sqrt() * root + epsilon);
                    note(g, *p);
                });
            }
        }
        faults == 0
    }
}

/// Whether a gradient is all that it takes to move its parameter, in `rule`.
pub(super) fn is_plain(rule: &UpdateRule) -> bool {
    rule.optimizer == Optimizer::Sgd && rule.weight_decay == 0.0 && rule.clip_norm.is_none()
}

struct Run<'a, 'b> {
    update: &'a Update,
    gradients: &'a [f32],
    moving: Moving<'b>,
}

impl NullaryFnOnce for Run<'_, '_> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        self.update.run_inline(self.gradients, self.moving)
    }
}

/// Whether all `values` are finite.
pub(super) fn are_finite(values: &[f32]) -> bool {
    Arch::new().dispatch(AreFinite(values))
}

struct AreFinite<'a>(&'a [f32]);

impl NullaryFnOnce for AreFinite<'_> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        self.0.iter().fold(0, |faults, value| faults | u32::from(!value.is_finite())) == 0
    }
}
