use pulp::{Arch, NullaryFnOnce};

use crate::model::{Optimizer, StepParams, UpdateRule};

/// The parameter update of one step.
#[derive(Clone, Copy)]
pub(super) struct Update {
    pub rule: UpdateRule,
    pub step_params: StepParams,
    /// Factor of the gradients, for clipping.
    pub scale: f32,
}

/// Parameters with their optimizer state, of zero to two numbers each, and their moving average, if there is one.
pub(super) struct Moving<'a> {
    pub parameters: &'a mut [f32],
    pub moments: [&'a mut [f32]; 3],
}

impl Update {
    /// See [`is_plain`].
    pub fn is_plain(&self) -> bool {
        is_plain(&self.rule)
    }

    /// Updates `moving` by `gradients`; `true` if all gradients and updated parameters are finite.
    pub fn run(&self, gradients: &[f32], moving: Moving) -> bool {
        Arch::new().dispatch(Run { update: self, gradients, moving })
    }

    /// As [`Update::run`], compiled for the vector width of the caller.
    #[inline(always)]
    pub fn run_inline(&self, gradients: &[f32], Moving { parameters, moments }: Moving) -> bool {
        let UpdateRule { optimizer, momentum, betas: [beta1, beta2], epsilon, weight_decay, ema, .. } =
            self.rule;
        let [first, second, third] = moments;
        let (first, second, average) = match optimizer.moments() {
            0 => (second, third, first),
            1 => (first, third, second),
            _ => (first, second, third),
        };
        let (StepParams { rate, stride, root, .. }, scale) = (self.step_params, self.scale);
        let decayed = |gradient: f32, parameter: f32| scale * gradient + weight_decay * parameter;
        let mut faults = 0;
        let mut note = |gradient: f32, parameter: f32| {
            faults |= u32::from(!gradient.is_finite()) | u32::from(!parameter.is_finite());
        };
        let moved = &mut *parameters;
        let pairs = moved.iter_mut().zip(gradients);
        match optimizer {
            Optimizer::Sgd => {
                for (p, &g) in pairs {
                    *p -= rate * decayed(g, *p);
                    note(g, *p);
                }
            }
            Optimizer::Momentum => {
                for ((p, &g), m) in pairs.zip(first) {
                    *m = momentum * *m + decayed(g, *p);
                    *p -= rate * *m;
                    note(g, *p);
                }
            }
            Optimizer::Nesterov => {
                for ((p, &g), m) in pairs.zip(first) {
                    let decayed = decayed(g, *p);
                    *m = momentum * *m + decayed;
                    *p -= rate * (decayed + momentum * *m);
                    note(g, *p);
                }
            }
            Optimizer::Rmsprop => {
                for ((p, &g), v) in pairs.zip(first) {
                    let decayed = decayed(g, *p);
                    *v = beta2 * *v + (1.0 - beta2) * decayed * decayed;
                    *p -= rate * decayed / (v.sqrt() + epsilon);
                    note(g, *p);
                }
            }
            Optimizer::Adam | Optimizer::Adamw => {
                let is_apart = optimizer == Optimizer::Adamw;
                let kept = if is_apart { 1.0 - rate * weight_decay } else { 1.0 };
                let added = if is_apart { 0.0 } else { weight_decay };
                for ((p, &g), (m, v)) in pairs.zip(first.iter_mut().zip(second)) {
                    let gradient = scale * g + added * *p;
                    *m = beta1 * *m + (1.0 - beta1) * gradient;
                    *v = beta2 * *v + (1.0 - beta2) * gradient * gradient;
                    *p = kept * *p - stride * *m / (v.sqrt() * root + epsilon);
                    note(g, *p);
                }
            }
            Optimizer::Lion => {
                // 0 for 0; NaN stays NaN.
                let sign = |x: f32| {
                    if x > 0.0 {
                        1.0
                    } else if x < 0.0 {
                        -1.0
                    } else {
                        x
                    }
                };
                for ((p, &g), m) in pairs.zip(first) {
                    let gradient = scale * g;
                    let direction = sign(beta1 * *m + (1.0 - beta1) * gradient);
                    *m = beta2 * *m + (1.0 - beta2) * gradient;
                    *p = (1.0 - rate * weight_decay) * *p - rate * direction;
                    note(g, *p);
                }
            }
        }
        if let Some(ema) = ema {
            for (average, &p) in average.iter_mut().zip(&*parameters) {
                *average = ema * *average + (1.0 - ema) * p;
            }
        }
        faults == 0
    }
}

/// `true` if `rule` needs nothing but a gradient to update its parameter: plain SGD.
pub(super) fn is_plain(rule: &UpdateRule) -> bool {
    rule.moments() == 0 && rule.weight_decay == 0.0 && rule.clip_norm.is_none()
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

/// `true` if all `values` are finite.
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
