use super::Trainer;
use crate::model::Parameters;
use crate::snapshot::Snapshot;
use crate::train::identity;
use crate::{Error, Result};

impl Trainer {
    /// Reads the optimizer state: [`crate::model::UpdateRule::moments`] entries.
    ///
    /// # Errors
    /// [`Error::DeviceLost`]
    pub fn moments(&mut self) -> Result<Vec<Parameters>> {
        self.device.moments()
    }

    /// Reads the parameters.
    ///
    /// # Errors
    /// [`Error::Diverged`] if one is NaN or infinite: a step's loss is computed before its update, so the last update shows
    /// only here. [`Error::DeviceLost`].
    pub fn parameters(&mut self) -> Result<Parameters> {
        let parameters = self.device.parameters()?;
        self.finite(parameters)
    }

    /// Reads the parameters that a model is made of: their moving average if there is one, else the parameters themselves.
    ///
    /// # Errors
    /// As [`Trainer::parameters`].
    pub fn model_parameters(&mut self) -> Result<Parameters> {
        if self.settings.optimization.rule.ema.is_none() {
            return self.parameters();
        }
        self.device.swap_average()?;
        let average = self.device.parameters();
        self.device.swap_average()?;
        self.finite(average?)
    }

    fn finite(&self, parameters: Parameters) -> Result<Parameters> {
        match parameters.first_not_finite() {
            None => Ok(parameters),
            Some((layer, value)) => Err(Error::Diverged {
                epoch: (self.steps.saturating_sub(1) / self.steps_per_epoch()) as usize,
                problem: format!("layer {layer} has a parameter that is {value}"),
            }),
        }
    }

    /// Everything that resuming from here needs; see [`Trainer::on`].
    ///
    /// # Errors
    /// As [`Trainer::parameters`].
    pub fn snapshot(&mut self) -> Result<Snapshot> {
        Ok(Snapshot {
            widths: self.network.widths().to_vec(),
            identity: self.identity.get_or_init(|| identity(&self.settings, &self.data)).clone(),
            slices: self.device.slices(),
            steps: self.steps,
            losses: self.losses,
            parameters: self.parameters()?,
            moments: self.moments()?,
            plateau: self.plateau,
            best: None,
        })
    }
}
