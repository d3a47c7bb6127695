//! Every page with real data fits screens of three widths. With `cargo xtask screenshots` there are pictures too, light and dark, in
//! `target/screenshots`, for a person to look at.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::common::repository;
use crate::pages;
use crate::seeded;
use crate::world::World;

/// Higher pages are cut: nobody scrolls through a picture.
const MAX_HEIGHT: u64 = 4000;

#[tokio::test]
async fn no_page_is_wider_than_its_screen() {
    let Some(world) = World::start(&["--slots", "2"]).await else { return };
    world.browser.open("/login").await;
    let mut camera = Camera::new();
    camera.visit(&world, "login").await;
    world.sign_in().await;
    for path in ["/apps", "/workflows", "/works", "/schedules", "/services", "/venvs", "/tasks"] {
        world.browser.open(path).await;
        camera.visit(&world, &format!("empty-{}", &path[1..])).await;
    }
    seeded::fill(&world.cluster);
    for (name, path) in pages::of(&world.cluster) {
        if camera.wants(&name) {
            world.browser.open(&path).await;
            camera.visit(&world, &name).await;
        }
    }
    world.end().await;
    assert!(camera.too_wide.is_empty(), "{:#?}", camera.too_wide);
}

struct Camera {
    /// Words in the names of pages that pictures are wanted of; empty: of all. None: of none, and all pages are looked at.
    only: Option<Vec<String>>,
    directory: PathBuf,
    too_wide: Vec<String>,
}

impl Camera {
    fn new() -> Self {
        let only = std::env::var("LP_SCREENSHOTS").ok();
        let words =
            |only: String| only.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let directory = repository().join("target/screenshots");
        std::fs::create_dir_all(&directory).unwrap();
        Self { only: only.map(words), directory, too_wide: Vec::new() }
    }

    fn wants(&self, name: &str) -> bool {
        let only = self.only.iter().flatten();
        let mut words = only.peekable();
        words.peek().is_none() || words.any(|word| name.contains(word))
    }

    async fn visit(&mut self, world: &World, name: &str) {
        for width in [360, 1280, 1920] {
            let size = json!({"width": width, "height": if width == 360 { 740 } else { 900 }, "deviceScaleFactor": 1, "mobile": width == 360});
            world.browser.chromium("Emulation.setDeviceMetricsOverride", size).await;
            if self.only.is_some() {
                for theme in ["light", "dark"] {
                    self.photograph(world, &format!("{name}-{width}-{theme}"), width, theme).await;
                }
            }
            let overflow =
                "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
            let overflow = world.browser.script(overflow, vec![]).await.as_i64().unwrap();
            if overflow > 0 {
                self.too_wide.push(format!("{name} at {width} px: by {overflow} px"));
            }
        }
    }

    async fn photograph(&self, world: &World, name: &str, width: u64, theme: &str) {
        let script = "document.documentElement.dataset.theme = arguments[0]; return Math.max(document.documentElement.scrollHeight, innerHeight)";
        let height = world.browser.script(script, vec![json!(theme)]).await.as_u64().unwrap_or(900);
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height.min(MAX_HEIGHT), "scale": 1});
        let parameters = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let picture = world.browser.chromium("Page.captureScreenshot", parameters).await;
        let bytes = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        std::fs::write(self.directory.join(format!("{name}.png")), bytes).unwrap();
    }
}
