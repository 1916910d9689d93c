// c + b · a, for blocks of a product: every element is one chain of `fma` over ascending k in all kernels, so that they round
// alike.

fn multiply_add(c: mat4x4f, b: mat4x4f, a: mat4x4f) -> mat4x4f {
    return mat4x4f(add_terms(c[0], b, a[0]), add_terms(c[1], b, a[1]), add_terms(c[2], b, a[2]), add_terms(c[3], b, a[3]));
}

fn add_terms(c: vec4f, b: mat4x4f, a: vec4f) -> vec4f {
    return fma(b[3], vec4f(a.w), fma(b[2], vec4f(a.z), fma(b[1], vec4f(a.y), fma(b[0], vec4f(a.x), c))));
}
