// What the updates of thin layers share.

@group(0) @binding(3) var<storage, read_write> metrics: Metrics;
@group(0) @binding(4) var<storage, read_write> parameters: array<vec4f>;
