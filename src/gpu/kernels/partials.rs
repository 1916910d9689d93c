use super::rule::RuleConstants;
use super::{FAULTS, RULE};
use crate::gpu::pipelines::Binding::{Read, Unused, Write};
use crate::gpu::pipelines::Kernel;

/// Parameters, in vec4f, of a workgroup.
pub const PARTS_GROUP: usize = 64;

/// Adds the parts of the gradients of thin layers, and does with them what `rule` says.
pub fn partials(rule: RuleConstants) -> Kernel {
    let files = ["micro_batch", "thin_layer", "partials", "thin_parameters"];
    let kernel = if rule.is_plain() {
        Kernel::new("parts_update", &files, &[Read, Write, Unused, Write, Write]).with_files(&["thin_update"])
    } else {
        Kernel::new("parts_optimize", &files, &[Read, Write, Unused, Write, Write, Write])
            .with_files(&["thin_optimize"])
            .with_files(RULE)
    };
    kernel.with_files(FAULTS).with_arguments().with_constants(rule.of_gradients())
}
