//! Somebody outside hears that all is well.

use gateway::settings::Settings;

use crate::harness::App;
use crate::own_server::OwnServer;

#[tokio::test]
async fn while_all_is_well_somebody_outside_hears_it_again_and_again() {
    let server = OwnServer::start().await;
    let url = server.url();
    let mut app = App::start_with(|settings: &mut Settings| {
        settings.deadman.url = url.into();
        settings.deadman.period_s = 1;
    })
    .await;
    tokio::time::timeout(std::time::Duration::from_secs(30), server.requests(2)).await.expect("twice");
    let metrics = app.anybody(reqwest::Method::GET, "/metrics").await.is(200).text;
    assert!(metrics.contains("cordboard_deadman_pings_total{outcome=\"sent\"}"), "{metrics}");
    assert!(!metrics.contains(&server.url()));
    app.stops().await;
    let heard = server.log().len();
    assert!(server.log().iter().all(|request| request.body.is_empty()));
    assert_eq!(server.log().len(), heard, "and nothing more after the end");
}
