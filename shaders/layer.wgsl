// Activation functions of a layer's input and of its product, and φ′ of its input state.

override LOAD: u32;
override STORE: u32;
override IS_RESIDUAL: bool;
override DERIVATIVE: u32;
override IS_OF_OUTPUT: bool;

fn derivative(state: f32) -> f32 {
    if IS_OF_OUTPUT {
        return derivative_of_output(DERIVATIVE, state);
    }
    return derivative_of_pre_activation(DERIVATIVE, state);
}

fn load_four(z: vec4f) -> vec4f {
    if LOAD == IDENTITY {
        return z;
    }
    return vec4f(activate(LOAD, z.x), activate(LOAD, z.y), activate(LOAD, z.z), activate(LOAD, z.w));
}

fn store_activation(z: vec4f) -> vec4f {
    return vec4f(activate(STORE, z.x), activate(STORE, z.y), activate(STORE, z.z), activate(STORE, z.w));
}

fn derivatives(states: vec4f) -> vec4f {
    return vec4f(derivative(states.x), derivative(states.y), derivative(states.z), derivative(states.w));
}
