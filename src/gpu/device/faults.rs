use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Error, Result};

/// First uncaptured error of a device, or the reason it was lost.
#[derive(Clone)]
pub struct Faults(Arc<Mutex<Option<String>>>);

impl Faults {
    /// Starts to record the errors of `device`.
    pub fn of(device: &wgpu::Device) -> Self {
        let faults = Faults(Arc::default());
        let refused = faults.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| refused.note(error.to_string())));
        let lost = faults.clone();
        device.set_device_lost_callback(move |reason, message| lost.note(format!("{reason:?}: {message}")));
        faults
    }

    fn note(&self, fault: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
    }

    /// # Errors
    /// [`Error::DeviceLost`] if the device was lost, or reported an error.
    pub fn check(&self) -> Result<()> {
        let fault = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fault.as_ref().map_or(Ok(()), |fault| Err(Error::DeviceLost(fault.clone())))
    }

    /// Waits until `submission` to `device` is done; `None` waits for everything submitted.
    pub fn wait(&self, device: &wgpu::Device, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        let wait = wgpu::PollType::Wait { submission_index: submission, timeout: None };
        // wgpu panics if the device is lost during the wait.
        let polled = catch_unwind(AssertUnwindSafe(|| device.poll(wait)));
        self.check()?;
        match polled {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Error::DeviceLost(error.to_string())),
            Err(_) => Err(Error::DeviceLost("it was lost during a wait".to_owned())),
        }
    }
}
