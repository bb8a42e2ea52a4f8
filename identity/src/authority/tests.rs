//! Tests of the fold, by what they are about.

mod attacks;
mod basics;
mod bounds;
mod city;
mod classes;
mod laws;
mod list;
mod model;
mod pairs;
mod places;
mod rotations;
mod sealed;
mod visitors;
