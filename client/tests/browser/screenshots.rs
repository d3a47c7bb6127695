//! Pictures of every page with real data, at three widths, light and dark, into `target/screenshots`. Not a test: `cargo xtask screenshots`
//! runs it, and a person looks at them.

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
#[ignore = "made by `cargo xtask screenshots`, to be looked at"]
async fn every_page_is_photographed() {
    let Some(world) = World::start(&["--slots", "2"]).await else { return };
    world.browser.open("/login").await;
    let directory = repository().join("target/screenshots");
    std::fs::create_dir_all(&directory).unwrap();
    photograph(&world, &directory, "login").await;
    world.sign_in().await;
    for path in ["/apps", "/workflows", "/works", "/schedules", "/services", "/venvs", "/tasks"] {
        world.browser.open(path).await;
        photograph(&world, &directory, &format!("empty-{}", &path[1..])).await;
    }
    seeded::fill(&world.cluster);
    let only = std::env::var("LP_SCREENSHOTS").unwrap_or_default();
    for (name, path) in pages::of(&world.cluster) {
        if only.is_empty() || only.split(',').any(|part| name.contains(part)) {
            world.browser.open(&path).await;
            photograph(&world, &directory, &name).await;
        }
    }
    world.end().await;
}

async fn photograph(world: &World, directory: &std::path::Path, name: &str) {
    for width in [360, 1280, 1920] {
        let size = json!({"width": width, "height": if width == 360 { 740 } else { 900 }, "deviceScaleFactor": 1, "mobile": width == 360});
        world.browser.chromium("Emulation.setDeviceMetricsOverride", size).await;
        for theme in ["light", "dark"] {
            let script = "document.documentElement.dataset.theme = arguments[0]; return Math.max(document.documentElement.scrollHeight, innerHeight)";
            let height = world.browser.script(script, vec![json!(theme)]).await.as_u64().unwrap_or(900);
            let clip = json!({"x": 0, "y": 0, "width": width, "height": height.min(MAX_HEIGHT), "scale": 1});
            let parameters = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
            let picture = world.browser.chromium("Page.captureScreenshot", parameters).await;
            let bytes = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
            std::fs::write(directory.join(format!("{name}-{width}-{theme}.png")), bytes).unwrap();
        }
        let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        let overflow = world.browser.script(overflow, vec![]).await.as_i64().unwrap_or_default();
        if overflow > 0 {
            eprintln!("{name} at {width} px is {overflow} px too wide");
        }
    }
}
