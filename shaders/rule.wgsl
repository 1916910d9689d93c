// Parameter update. `kept` holds what outlives a step, in planes of one number for each parameter: first gradients, if they
// are kept, then the optimizer state, then the moving average of the parameters if there is one. The codes of OPTIMIZER
// come from the host's src/model/optimizer.rs.

override OPTIMIZER: u32;
override MOMENTUM_COEFFICIENT: f32;
override BETA1: f32;
override BETA2: f32;
override EPSILON: f32;
override WEIGHT_DECAY: f32;
// Number of planes, and index of the first plane of optimizer state.
override PLANES: u32;
override FIRST_MOMENT: u32;
// Decay rate of the moving average; 0 if there is none.
override EMA: f32;

// Four updated parameters, whose state is at `places` of each plane; it is updated for those that `are_moved`.
fn moved(parameters: vec4f, gradients: vec4f, places: vec4u, are_moved: vec4<bool>) -> vec4f {
    let numbers = moved_by_rule(parameters, gradients, places, are_moved);
    if EMA > 0.0 {
        let plane = PLANES - 1u;
        keep(plane, places, are_moved, EMA * kept_at(plane, places) + (1.0 - EMA) * numbers);
    }
    return numbers;
}

fn moved_by_rule(parameters: vec4f, gradients: vec4f, places: vec4u, are_moved: vec4<bool>) -> vec4f {
    let step = run.micro_batch;
    switch OPTIMIZER {
        case SGD: {
            return parameters - step.rate * decayed(gradients, parameters);
        }
        case MOMENTUM, NESTEROV: {
            let g = decayed(gradients, parameters);
            let m = MOMENTUM_COEFFICIENT * kept_at(FIRST_MOMENT, places) + g;
            keep(FIRST_MOMENT, places, are_moved, m);
            return parameters - step.rate * select(m, g + MOMENTUM_COEFFICIENT * m, OPTIMIZER == NESTEROV);
        }
        case RMSPROP: {
            let g = decayed(gradients, parameters);
            let v = BETA2 * kept_at(FIRST_MOMENT, places) + (1.0 - BETA2) * g * g;
            keep(FIRST_MOMENT, places, are_moved, v);
            return parameters - step.rate * g / (sqrt(v) + EPSILON);
        }
        case ADAM: {
            return parameters - adam(step, decayed(gradients, parameters), places, are_moved);
        }
        case ADAMW: {
            let left = parameters * (1.0 - step.rate * WEIGHT_DECAY);
            return left - adam(step, gradients, places, are_moved);
        }
        // LION. What is not finite has no sign and stays as it is.
        default: {
            let m = kept_at(FIRST_MOMENT, places);
            let direction = BETA1 * m + (1.0 - BETA1) * gradients;
            keep(FIRST_MOMENT, places, are_moved, BETA2 * m + (1.0 - BETA2) * gradients);
            let left = parameters * (1.0 - step.rate * WEIGHT_DECAY);
            return left - step.rate * select(direction, sign(direction), are_finite(direction));
        }
    }
}

// Gradients with L2 regularisation.
fn decayed(gradients: vec4f, parameters: vec4f) -> vec4f {
    return gradients + WEIGHT_DECAY * parameters;
}

fn adam(step: MicroBatch, gradients: vec4f, places: vec4u, are_moved: vec4<bool>) -> vec4f {
    let m = BETA1 * kept_at(FIRST_MOMENT, places) + (1.0 - BETA1) * gradients;
    let v = BETA2 * kept_at(FIRST_MOMENT + 1u, places) + (1.0 - BETA2) * gradients * gradients;
    keep(FIRST_MOMENT, places, are_moved, m);
    keep(FIRST_MOMENT + 1u, places, are_moved, v);
    return step.stride * m / (sqrt(v) * step.root + EPSILON);
}

fn kept_at(plane: u32, places: vec4u) -> vec4f {
    let all = places + plane * (arrayLength(&kept) / PLANES);
    return vec4f(kept[all.x], kept[all.y], kept[all.z], kept[all.w]);
}

// Keeps the `numbers` that `are_kept`.
fn keep(plane: u32, places: vec4u, are_kept: vec4<bool>, numbers: vec4f) {
    let all = places + plane * (arrayLength(&kept) / PLANES);
    if are_kept.x { kept[all.x] = numbers.x; }
    if are_kept.y { kept[all.y] = numbers.y; }
    if are_kept.z { kept[all.z] = numbers.z; }
    if are_kept.w { kept[all.w] = numbers.w; }
}
