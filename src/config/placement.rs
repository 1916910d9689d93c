use std::str::FromStr;

use crate::device::DatasetPlacement;
use crate::model::by_name;
use crate::strategy::Strategy;
use crate::{Error, Result, Setting};

/// The device, and what is kept and computed on it. No setting here changes a bit of the results on one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Checkpointing strategy: which states are kept. A budget bounds all device memory.
    pub strategy: Strategy,
    /// Device to train on.
    pub device: DeviceChoice,
    /// Where the dataset is kept.
    pub dataset: DatasetPlacement,
    /// Lets a GPU run neighbouring thin layers in one kernel, with the states between them in workgroup memory.
    pub fused: bool,
    /// Lets a GPU time several tilings of its larger matrix products and take the fastest.
    pub tuned: bool,
    /// Plans and counts the best parameters of a run that keeps them, on the CPU backend, where they take device memory. On a GPU
    /// they stay on the host.
    pub keeps_best: bool,
}

impl Default for Placement {
    /// A hardware GPU if there is one, all states kept.
    fn default() -> Self {
        Placement {
            strategy: Strategy::EveryN(0),
            device: DeviceChoice::Auto,
            dataset: DatasetPlacement::Auto,
            fused: true,
            tuned: true,
            keeps_best: false,
        }
    }
}

impl Placement {
    pub(super) fn validate(&self) -> Result<()> {
        if self.strategy == Strategy::Budget(0) {
            return Err(Error::usage(Setting::Budget, "found 0, expected at least 1"));
        }
        Ok(())
    }
}

/// Kind of device to train on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A hardware GPU, else the CPU backend.
    Auto,
    /// A hardware GPU.
    Gpu,
    /// The CPU backend.
    Cpu,
    /// The GPU kernels on a software driver.
    Software,
}

impl DeviceChoice {
    /// Every kind of device.
    pub const ALL: [DeviceChoice; 4] =
        [DeviceChoice::Auto, DeviceChoice::Gpu, DeviceChoice::Cpu, DeviceChoice::Software];

    /// Name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            DeviceChoice::Auto => "auto",
            DeviceChoice::Gpu => "gpu",
            DeviceChoice::Cpu => "cpu",
            DeviceChoice::Software => "software",
        }
    }

    /// Summary in one line, for help.
    pub fn summary(self) -> &'static str {
        match self {
            DeviceChoice::Auto => "A hardware GPU, else the CPU backend",
            DeviceChoice::Gpu => "A hardware GPU",
            DeviceChoice::Cpu => "The CPU backend",
            DeviceChoice::Software => "The GPU kernels on a software driver",
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        by_name(&Self::ALL, Self::name, name)
    }
}
