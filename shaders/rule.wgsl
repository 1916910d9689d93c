// How a gradient moves a parameter. What outlives a step is in `kept`: planes of one number for each parameter, of
// gradients, if these are kept, and then of what the optimizer remembers.

override OPTIMIZER: u32;
override MOMENTUM: f32;
override BETA1: f32;
override BETA2: f32;
override EPSILON: f32;
override WEIGHT_DECAY: f32;
// Planes, and the first of what the optimizer remembers.
override PLANES: u32;
override FIRST_MOMENT: u32;

const SGD = 0u;
const MOMENTUM_ONLY = 1u;
const NESTEROV = 2u;
const ADAM = 3u;
const ADAMW = 4u;

// The parameter at `place` of each plane, moved.
fn moved(parameter: f32, gradient: f32, place: u32) -> f32 {
    let step_params = step_params_now();
    let plane = arrayLength(&kept) / PLANES;
    let first = FIRST_MOMENT * plane + place;
    let decayed = gradient + select(WEIGHT_DECAY, 0.0, OPTIMIZER == ADAMW) * parameter;
    if OPTIMIZER == SGD {
        return parameter - step_params.rate * decayed;
    }
    if OPTIMIZER == MOMENTUM_ONLY || OPTIMIZER == NESTEROV {
        let m = MOMENTUM * kept[first] + decayed;
        kept[first] = m;
        return parameter - step_params.rate * select(m, decayed + MOMENTUM * m, OPTIMIZER == NESTEROV);
    }
    let second = first + plane;
    let m = BETA1 * kept[first] + (1.0 - BETA1) * decayed;
    let v = BETA2 * kept[second] + (1.0 - BETA2) * decayed * decayed;
    kept[first] = m;
    kept[second] = v;
    let left = parameter * select(1.0, 1.0 - step_params.rate * WEIGHT_DECAY, OPTIMIZER == ADAMW);
    return left - step_params.stride * m / (sqrt(v) * step_params.root + EPSILON);
}
