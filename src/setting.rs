//! Names of settings, as errors mention them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares [`Setting`] and what is known of each variant, from one table.
macro_rules! settings {
    ($($variant:ident = $name:literal: $doc:literal,)*) => {
        /// A setting, an argument or a file that a user of the library or the command line names.
        ///
        /// Its [`Display`](fmt::Display) form is the name in backticks, `` `micro_batch` ``. The command line replaces
        /// these, and those of [`Setting::with`], by its flags.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Setting {
            $(#[doc = $doc] $variant,)*
        }

        impl Setting {
            /// Every setting.
            pub const ALL: &[Setting] = &[$(Setting::$variant,)*];

            /// Name in lower case, with underscores between words.
            pub fn name(self) -> &'static str {
                match self {
                    $(Setting::$variant => $name,)*
                }
            }
        }
    };
}

settings! {
    Layers = "layers": "Width of every state.",
    Hidden = "hidden": "Width of every hidden state.",
    Activation = "activation": "Activation function.",
    Residual = "residual": "Residual connections.",
    LayerNorm = "layer_norm": "Layer normalisation.",
    RmsNorm = "rms_norm": "RMS normalisation.",
    Dropout = "dropout": "Share of the values that layers drop in training.",
    Initialiser = "initialiser": "Distribution of the initial parameters.",
    Init = "init": "File or parameters to start from.",
    Loss = "loss": "Loss function.",
    Optimizer = "optimizer": "Optimizer.",
    Lr = "lr": "Learning rate.",
    Momentum = "momentum": "Momentum coefficient.",
    Beta1 = "beta1": "Adam's decay rate of the first moment.",
    Beta2 = "beta2": "Adam's decay rate of the second moment.",
    Epsilon = "epsilon": "Adam's addend to the denominator.",
    WeightDecay = "weight_decay": "Weight decay.",
    ClipNorm = "clip_norm": "Largest global gradient norm.",
    Schedule = "schedule": "Learning-rate schedule.",
    WarmUp = "warm_up": "Steps of warm-up.",
    DecayEvery = "decay_every": "Steps between two decays of a step schedule, or of the first period of one with restarts.",
    DecayFactor = "decay_factor": "Factor of a step or plateau schedule.",
    LrFloor = "lr_floor": "Least share of a schedule that falls.",
    LabelSmoothing = "label_smoothing": "Share of a target that is spread over all classes.",
    PeriodFactor = "period_factor": "Growth of the periods of a schedule with restarts.",
    Rise = "rise": "Share of the steps in which the rate of a one-cycle schedule rises.",
    PlateauPatience = "plateau_patience": "Evaluations without improvement before a plateau schedule lowers the rate.",
    Ema = "ema": "Decay rate of the moving average of parameters.",
    KeepBest = "keep_best": "Metric by which the best parameters are kept.",
    Patience = "patience": "Evaluations without improvement before a run stops.",
    MinDelta = "min_delta": "Least gain of a metric.",
    EvaluateEvery = "evaluate_every": "Steps between two evaluations.",
    Folds = "folds": "Folds of a cross-validation.",
    Metric = "metric": "Metric that combinations of a sweep are compared by.",
    Sweep = "sweep": "File of a sweep.",
    Results = "results": "Directory of a sweep's results.",
    ReportEvery = "report_every": "Steps between two reports of a training.",
    From = "from": "Learning rate of the first step of a range test.",
    To = "to": "Learning rate of the last step of a range test.",
    Plot = "plot": "Drawing to write.",
    Epochs = "epochs": "Number of epochs.",
    Steps = "steps": "Number of steps.",
    Seed = "seed": "Seed of all random numbers.",
    Shuffle = "shuffle": "Shuffling of samples.",
    Batch = "batch": "Samples in a mini-batch.",
    MicroBatch = "micro_batch": "Samples in a micro-batch.",
    DropLast = "drop_last": "Whether a last, smaller mini-batch is left out.",
    Every = "every": "Distance between two checkpoints.",
    Budget = "budget": "Bound on all device memory, in bytes.",
    Device = "device": "Device to train on.",
    SolveFor = "solve_for": "Setting whose largest value is to be found.",
    Limits = "limits": "Limits of a GPU to plan for.",
    Dataset = "dataset": "Where the dataset is kept.",
    Fused = "fused": "Thin layers in one kernel.",
    Tuned = "tuned": "Timing of tilings.",
    VerifyRecompute = "verify_recompute": "Comparison of recomputed states.",
    Repeats = "repeats": "Runs of each strategy in a comparison.",
    Data = "data": "Samples and targets.",
    XKey = "x_key": "Array that holds the inputs.",
    YKey = "y_key": "Array that holds the targets.",
    XTestKey = "x_test_key": "Array that holds the test inputs.",
    YTestKey = "y_test_key": "Array that holds the test targets.",
    WeightKey = "weight_key": "Array or column that holds the weights of training samples.",
    ClassWeights = "class_weights": "Weights of classes.",
    Targets = "targets": "Whether targets are class labels or numbers.",
    Target = "target": "Columns of a table that hold the targets.",
    Drop = "drop": "Columns of a table that are left out.",
    Scale = "scale": "Factor that inputs are multiplied by.",
    Impute = "impute": "What takes the place of missing values.",
    ImputeIndicators = "impute_indicators": "Features that say where values are missing.",
    StandardiseTargets = "standardise_targets": "Scaling of targets.",
    MapData = "map_data": "Memory-mapped inputs.",
    Standardise = "standardise": "Feature scaling of the dataset.",
    Validation = "validation": "Share of samples held out.",
    Preprocessing = "preprocessing": "Preprocessing that a model file holds.",
    Model = "model": "Model file.",
    Save = "save": "Model file to write.",
    Out = "out": "Predictions to write.",
    Converted = "converted": "Model file that a conversion writes.",
    Report = "report": "Report to write.",
    Config = "config": "File of settings to read.",
    SaveConfig = "save_config": "File of settings to write.",
    Snapshot = "snapshot": "Directory of snapshots.",
    SnapshotEvery = "snapshot_every": "Steps between two snapshots.",
    Keep = "keep": "Number of snapshots to keep.",
    Resume = "resume": "Resumes the run of a directory of snapshots.",
    Log = "log": "Directory of a log.",
    LogEvery = "log_every": "Steps between two rows of the log.",
    Case = "case": "Case of a kernel check.",
    Shader = "shader": "Shader to replace.",
}

impl Setting {
    /// The setting with this [`name`](Setting::name).
    pub fn by_name(name: &str) -> Option<Self> {
        Setting::ALL.iter().copied().find(|setting| setting.name() == name)
    }

    /// The setting with a value, in backticks: `` `device = cpu` ``.
    pub fn with(self, value: impl fmt::Display) -> String {
        format!("`{} = {value}`", self.name())
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_are_stored() {
        for &setting in Setting::ALL {
            assert_eq!(serde_json::to_value(setting).unwrap(), setting.name());
            assert_eq!(Setting::by_name(setting.name()), Some(setting));
        }
    }
}
