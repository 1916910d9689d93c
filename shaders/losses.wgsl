// Loss of a sample, and its derivative with respect to each output.
//
// A kernel adds to this file `loss_kind`, `targets`, `outputs()`, their number, and `output_of(sample, unit)`.

// Weight of a sample's loss: none past the end of the split.
fn weight_of(sample: u32) -> f32 {
    var weight = 1.0;
    if HAS_WEIGHTS { weight = bitcast<f32>(targets[(sample + 1u) * TARGET_WORDS - 1u]); }
    return select(0.0, weight, sample < run.micro_batch.counted);
}

// What softmax needs of a sample's outputs: the largest, subtracted first so that no exponential overflows, and the sum of
// exponentials.
struct Softmax {
    largest: f32,
    sum: f32,
}

fn softmax_of(sample: u32) -> Softmax {
    if LOSS != CROSS_ENTROPY {
        return Softmax();
    }
    var largest = output_of(sample, 0u);
    for (var unit = 1u; unit < outputs(); unit++) {
        let a = output_of(sample, unit);
        largest = select(largest, a, a > largest);
    }
    var sum = 0.0;
    for (var unit = 0u; unit < outputs(); unit++) {
        sum += exponential(output_of(sample, unit) - largest);
    }
    return Softmax(largest, sum);
}

// Target of an output, before smoothing.
fn target_of(sample: u32, unit: u32) -> f32 {
    let start = sample * TARGET_WORDS;
    if ARE_VALUES {
        return bitcast<f32>(targets[start + unit]);
    }
    if ONE_OUTPUT {
        return f32(targets[start]);
    }
    return select(0.0, 1.0, unit == targets[start]);
}

fn wanted(sample: u32, unit: u32) -> f32 {
    if LOSS == CROSS_ENTROPY && SMOOTHING > 0.0 {
        return (1.0 - SMOOTHING) * target_of(sample, unit) + SMOOTHING / f32(outputs());
    }
    return target_of(sample, unit);
}

// −ln of the probability of a class.
fn surprise(sample: u32, unit: u32, softmax: Softmax) -> f32 {
    return log(softmax.sum) - (output_of(sample, unit) - softmax.largest);
}

fn loss_of(sample: u32, softmax: Softmax) -> f32 {
    if LOSS == CROSS_ENTROPY && !ARE_VALUES && SMOOTHING == 0.0 {
        let unit = select(targets[sample * TARGET_WORDS], 0u, ONE_OUTPUT);
        return wanted(sample, unit) * surprise(sample, unit, softmax);
    }
    var sum = 0.0;
    if LOSS == CROSS_ENTROPY {
        for (var unit = 0u; unit < outputs(); unit++) {
            let y = wanted(sample, unit);
            // 0 · ∞ is not a number.
            if y > 0.0 { sum += y * surprise(sample, unit, softmax); }
        }
        return sum;
    }
    for (var unit = 0u; unit < outputs(); unit++) {
        sum += term(output_of(sample, unit), wanted(sample, unit)).loss;
    }
    return sum * share();
}

// Loss of one output and its derivative, both before `share`.
struct Term {
    loss: f32,
    slope: f32,
}

fn term(a: f32, y: f32) -> Term {
    let error = a - y;
    switch LOSS {
        // −y · ln σ(a) − (1 − y) · ln(1 − σ(a)), in a form that does not overflow.
        case BINARY_CROSS_ENTROPY: {
            let loss = select(a, 0.0, a < 0.0) - a * y + log(1.0 + exponential(-abs(a)));
            return Term(loss, sigmoid(a) - y);
        }
        case HUBER: {
            let is_far = abs(error) > 1.0;
            return Term(select(0.5 * error * error, abs(error) - 0.5, is_far), select(error, sign(error), is_far));
        }
        // cosh x = e^|x| / (1 + tanh |x|)
        case LOG_COSH: {
            let slope = tangent(error);
            return Term(abs(error) - logarithm_of_one_plus(abs(slope)), slope);
        }
        // The quadratic loss and the mean squared error.
        default: { return Term(error * error, 2.0 * error); }
    }
}

fn derivative_of_loss(sample: u32, unit: u32, softmax: Softmax) -> f32 {
    let a = output_of(sample, unit);
    let y = wanted(sample, unit);
    if LOSS == CROSS_ENTROPY {
        return exponential(a - softmax.largest) / softmax.sum - y;
    }
    return term(a, y).slope * share();
}

// Weight of an output's term in its sample's loss.
fn share() -> f32 {
    return select(1.0 / f32(outputs()), 0.5, LOSS == QUADRATIC);
}
