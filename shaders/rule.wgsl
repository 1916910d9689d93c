// Parameter update. `kept` holds what outlives a step, in planes of one number for each parameter: first gradients, if they
// are kept, then the optimizer state. The codes of OPTIMIZER come from the host's src/model/optimizer.rs.

override OPTIMIZER: u32;
override MOMENTUM_COEFFICIENT: f32;
override BETA1: f32;
override BETA2: f32;
override EPSILON: f32;
override WEIGHT_DECAY: f32;
// Number of planes, and index of the first plane of optimizer state.
override PLANES: u32;
override FIRST_MOMENT: u32;

// The updated parameter at `place` of each plane.
fn moved(parameter: f32, gradient: f32, place: u32) -> f32 {
    let step_params = step_params_now();
    let plane = arrayLength(&kept) / PLANES;
    let first = FIRST_MOMENT * plane + place;
    let second = first + plane;
    switch OPTIMIZER {
        case SGD: {
            return parameter - step_params.rate * decayed(gradient, parameter);
        }
        case MOMENTUM, NESTEROV: {
            let g = decayed(gradient, parameter);
            let m = MOMENTUM_COEFFICIENT * kept[first] + g;
            kept[first] = m;
            return parameter - step_params.rate * select(m, g + MOMENTUM_COEFFICIENT * m, OPTIMIZER == NESTEROV);
        }
        case RMSPROP: {
            let g = decayed(gradient, parameter);
            let v = BETA2 * kept[first] + (1.0 - BETA2) * g * g;
            kept[first] = v;
            return parameter - step_params.rate * g / (sqrt(v) + EPSILON);
        }
        case ADAM: {
            return parameter - adam(step_params, decayed(gradient, parameter), first, second);
        }
        case ADAMW: {
            return parameter * (1.0 - step_params.rate * WEIGHT_DECAY) - adam(step_params, gradient, first, second);
        }
        // LION. What is not finite has no sign and stays as it is.
        default: {
            let m = kept[first];
            let direction = BETA1 * m + (1.0 - BETA1) * gradient;
            kept[first] = BETA2 * m + (1.0 - BETA2) * gradient;
            let left = parameter * (1.0 - step_params.rate * WEIGHT_DECAY);
            return left - step_params.rate * select(direction, sign(direction), is_finite(direction));
        }
    }
}

// Gradient with L2 regularisation.
fn decayed(gradient: f32, parameter: f32) -> f32 {
    return gradient + WEIGHT_DECAY * parameter;
}

fn adam(step_params: StepParams, gradient: f32, first: u32, second: u32) -> f32 {
    let m = BETA1 * kept[first] + (1.0 - BETA1) * gradient;
    let v = BETA2 * kept[second] + (1.0 - BETA2) * gradient * gradient;
    kept[first] = m;
    kept[second] = v;
    return step_params.stride * m / (sqrt(v) * step_params.root + EPSILON);
}
