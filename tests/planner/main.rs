//! Schedules, lifetimes, packing and budgets, without a device.

#[path = "../support/common.rs"]
mod common;

mod budget;
mod budget_bound;
mod budget_curves;
mod budget_long;
mod budget_optimal;
mod chains;
mod exhaustive;
mod fused_plans;
mod over_budget;
mod plan_limits;
mod plans;
