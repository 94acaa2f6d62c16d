//! The stream's delivery through the router, on both databases.

mod days;
mod live;
mod management;
mod pages;
mod poll;
mod world;
