//! The compute kernels, one file for each kind, as functions from what varies to a kernel.

mod chain;
mod clip;
mod gather;
mod gradient_use;
mod layer;
mod losses;
mod normalise;
mod partials;
mod product;
mod rule;
mod speed;
mod split;
mod thin_gradient;
mod thin_norm;

pub use chain::{ChainProduct, ChainShape, chain_delta, chain_forward, chain_forward_backward};
pub use clip::{norm, scale, step, swap};
pub use gather::gather;
pub use gradient_use::GradientUse;
pub use layer::LayerFunctions;
pub use losses::{Outputs, loss, score, tally};
pub use normalise::{NORM_GROUP, norm_gradient, normalise, normalise_delta};
pub use partials::{PARTS_GROUP, partials};
pub use product::{delta, forward, gradient};
pub use rule::RuleConstants;
pub use speed::{COPY_GROUP, PEAK_FLOPS, PEAK_GROUP, chained, copy, multiply_adds};
pub use split::SplitConstants;
pub use thin_gradient::thin_gradient;
pub use thin_norm::{ThinNorm, thin_norm_gradient};

/// Shader files of what an optimizer does with gradients.
const RULE: &[&str] = &["rule", "accumulation"];
/// Shader files of every kernel that notes NaN or infinite values.
const FAULTS: &[&str] = &["metrics", "finite", "fault"];

#[cfg(test)]
mod tests {
    use wgpu::naga::back::pipeline_constants::process_overrides;
    use wgpu::naga::front::wgsl;
    use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};
    use wgpu::naga::{AddressSpace, Module};

    use super::*;
    use crate::data::DatasetShape;
    use crate::gpu::pipelines::{Kernel, LayerProduct, Product, Shaders, Tile};
    use crate::model::{Activation, Dropout, Loss, Network, Normalisation, Optimizer, UpdateRule};

    fn valid(kernel: &Kernel, about: &str) -> Module {
        let name = kernel.name;
        let module = wgsl::parse_str(&kernel.source(&Shaders::default()))
            .unwrap_or_else(|error| panic!("{name} {about}: {error}"));
        let info = Validator::new(ValidationFlags::all(), Capabilities::all())
            .validate(&module)
            .unwrap_or_else(|error| panic!("{name} {about}: {error:?}"));
        let constants = kernel.constants().into_iter().map(|(name, value)| (name.to_owned(), value));
        // This panics where an override follows an array whose size is computed from overrides.
        let processed = process_overrides(&module, &info, None, &constants.collect())
            .unwrap_or_else(|error| panic!("{name} {about}: {error:?}"));
        processed.0.into_owned()
    }

    fn workgroup_bytes(module: &Module) -> u32 {
        let shared = module.global_variables.iter().filter(|(_, held)| held.space == AddressSpace::WorkGroup);
        shared.map(|(_, held)| module.types[held.ty].inner.size(module.to_ctx())).sum()
    }

    fn rules() -> [RuleConstants; 2] {
        [Optimizer::Sgd, Optimizer::Adam]
            .map(|optimizer| RuleConstants::new(UpdateRule::of(optimizer), false))
    }

    fn norms() -> impl Iterator<Item = Option<ThinNorm>> {
        let norms = Normalisation::ALL.map(|normalisation| {
            Some(ThinNorm { normalisation, layers: 3, micro_batch: 5, group_samples: 32, width: 9 })
        });
        norms.into_iter().chain([None])
    }

    /// Also those that need more workgroup memory than the software drivers have.
    #[test]
    fn products_are_valid_in_every_tile_and_take_the_memory_that_is_planned() {
        let network = Network::new(&[9, 9], Activation::Relu, Loss::Quadratic).unwrap();
        let of = |product| LayerProduct { product, layer: network.layer(0), micro_batch: 5 };
        let dropout = Dropout::new(0.3).unwrap();
        let all = [LayerFunctions::NONE, LayerFunctions { dropout, ..LayerFunctions::NONE }];
        let split = Some(SplitConstants::of(DatasetShape::empty(9).train));
        for (tile, functions) in Tile::for_hardware().flat_map(|tile| all.map(|functions| (tile, functions)))
        {
            let Tile::Staged(staged) = tile else { continue };
            let [plain, adam] = rules();
            let uses = [GradientUse::Partial, GradientUse::Update(plain), GradientUse::Update(adam)];
            let products = [Product::Forward, Product::Delta, Product::Gradient].map(of);
            let kernels = [
                (Product::Forward, forward(functions, products[0], tile, None)),
                (Product::Forward, forward(functions, products[0], tile, split)),
                (Product::Delta, delta(functions, products[1], tile)),
            ];
            let gradients = [None, split]
                .into_iter()
                .flat_map(|split| rules().map(|rule| gradient(functions, rule, products[2], tile, split)));
            let thin = uses.map(|used| thin_gradient(functions, None, used, tile, 5, [false; 2]));
            let gradients = gradients.chain(thin).map(|kernel| (Product::Gradient, kernel));
            for (product, kernel) in kernels.into_iter().chain(gradients) {
                let module = valid(&kernel, &format!("{tile:?}"));
                let bytes = workgroup_bytes(&module);
                assert_eq!(bytes, staged.bytes(product.k_major()), "{} {tile:?}", kernel.name);
                assert!(bytes <= 48 << 10);
            }
        }
    }

    #[test]
    fn kernels_of_thin_layers_are_valid_in_every_shape() {
        let functions =
            LayerFunctions { load: Activation::Sine, store: Activation::Tanh, ..LayerFunctions::NONE };
        let dropout = Dropout::new(0.3).unwrap();
        let outputs = Outputs {
            loss: Loss::Huber,
            are_classes: false,
            is_one: false,
            words: 2,
            have_weights: false,
            smoothing: 0.0,
        };
        let blocks = [1, 2].map(ChainProduct::Blocks);
        let products = [
            (1, blocks[0]),
            (1, blocks[1]),
            (2, blocks[1]),
            (1, ChainProduct::Columns),
            (1, ChainProduct::Subgroup),
        ];
        for (quads, product) in products {
            let shape = |normalises| ChainShape {
                row_lanes: 8,
                column_lanes: 1,
                quads,
                stride: 17,
                count: 3,
                normalises,
                product,
            };
            for functions in [functions, LayerFunctions { dropout, ..functions }] {
                for norm in norms() {
                    let shape = shape(norm.is_some());
                    for chain in [chain_forward, chain_delta] {
                        let module = valid(&chain(functions, norm, shape), &format!("{norm:?} {shape:?}"));
                        assert_eq!(workgroup_bytes(&module), shape.bytes(), "{norm:?} {shape:?}");
                    }
                    let kernel = chain_forward_backward(functions, norm, shape, outputs);
                    valid(&kernel, &format!("{norm:?} {shape:?}"));
                }
            }
        }
        for rule in rules() {
            valid(&partials(rule), "");
            for norm in norms() {
                for used in [GradientUse::Partial, GradientUse::Update(rule)] {
                    let tile = Tile::for_hardware().next().unwrap();
                    valid(&thin_gradient(functions, norm, used, tile, 5, [false; 2]), &format!("{norm:?}"));
                    if let Some(norm) = norm {
                        valid(&thin_norm_gradient(norm, used), &format!("{norm:?}"));
                    }
                }
            }
        }
    }
}
