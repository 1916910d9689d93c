// What the updates of thin layers share.

@group(0) @binding(3) var<storage, read_write> metrics: Metrics;
@group(0) @binding(4) var<storage, read> step_params: array<StepParams>;
@group(0) @binding(5) var<storage, read_write> parameters: array<vec4f>;
