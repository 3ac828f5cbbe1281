"""Integration tests that `make acceptance` runs and `make test` does not: each is long, and another of its kind stays.

A name without a parameter stands for all parameters of the test. tests/unit/test_the_tests.py sees that each exists.
"""

KILLS = "another kill: make test kills a worker, everything at once, and a worker at the publication"
SUBTITLES = "another title with subtitles through the whole pipeline: make test has one for each source of subtitles"
PICTURES = "more pictures of a kind that make test makes some of"
REFRAME = "more crops: make test searches one window and takes one title through the pipeline"
PLAYERS = "plays a minute or more in real time: make test plays one title that plays as it is"
GROWING = (
    "in real time while it is encoded: fails where other tests take the CPU; make test waits for a title on its page"
)
MEMORY = "memory over a long title"
FILM = "a film, frame by frame: make test encodes numbered frames in chunks"
RECORDINGS = "records anew: make test records once, closes the tab and sends what it left"
TITLES = "another title through the whole pipeline"

WEBHOOKS = "200,000 deliveries: make test makes 4,000 over a kill"

PACKAGES = "installs packages from an index: make test builds the package and runs the example"
GATE = "checks out two commits and runs both for a minute: make test judges drawn costs and writes the playlists once"

LONG = {
    "test_python_client.py": {
        "test_both_pages_in_a_browser": "a title through the pipeline and a player: make test has one without a browser"
    },
    "test_python_package.py": {
        "test_it_installs_alone": PACKAGES,
        "test_the_quickstart_is_followed_from_its_text": PACKAGES,
    },
    "test_gate.py": {
        "test_a_slower_playlist_and_a_changed_byte_are_caught": GATE,
        "test_a_slower_encode_is_caught": GATE,
        "test_without_a_change_it_is_silent": GATE,
    },
    "test_webhooks.py": {"test_ten_thousand_events_to_twenty_endpoints": WEBHOOKS},
    "test_kill.py": {
        "test_a_kill_loses_at_most_the_chunk_under_way": KILLS,
        "test_three_kills_in_a_row_on_random_workers": KILLS,
        "test_postgres_killed_in_mid_encode": KILLS,
        "test_worker_dies_at_a_boundary[encode.before_upload]": KILLS,
        "test_worker_dies_at_a_boundary[encode.after_upload]": KILLS,
        "test_redis_killed_before_the_upload_completes": KILLS,
        "test_redis_flushed_in_mid_encode": KILLS,
    },
    "test_subtitles.py": {
        "test_russian_and_from_it_into_english": SUBTITLES,
        "test_another_upload_for_the_same_title": SUBTITLES,
        "test_srt_ass_and_pictures_in_matroska": SUBTITLES,
        "test_nobody_works_on_what_nobody_waits_for": SUBTITLES,
        "test_an_upload_that_fails_takes_nothing_away": SUBTITLES,
        "test_times_of_a_trimmed_title": SUBTITLES,
        "test_a_worker_that_dies_after_each_job": KILLS,
        "test_the_language_its_owner_says": SUBTITLES,
        "test_forced_and_hearing_impaired_tracks_of_an_upload": SUBTITLES,
    },
    "test_players.py": {
        "test_what_grows_plays_from_its_beginning_to_its_end": GROWING,
        "test_twelve_switches_lose_nothing": PLAYERS,
    },
    "test_delivery_players.py": {
        "test_an_operators_word_moves_whoever_plays": PLAYERS,
        "test_without_database_and_redis_a_viewer_watches_to_the_end": PLAYERS,
    },
    "test_rotation.py": {
        "test_keys_rotate_without_a_failed_request": "three rolling restarts under load: unit tests verify keys"
    },
    "test_posters.py": {
        "test_many_at_once_have_one_made": PICTURES,
        "test_an_upright_title_has_upright_pictures": PICTURES,
        "test_a_part_has_pictures_of_that_part": PICTURES,
        "test_what_is_gone_is_gone": PICTURES,
    },
    "test_posters_alone.py": {
        "test_candidates_are_at_their_own_times_and_in_one_order": PICTURES,
        "test_a_shaking_camera_is_the_last_choice": PICTURES,
        "test_the_profile_changes_the_choice": PICTURES,
        "test_colour_bars_before_a_film_are_passed_over": PICTURES,
    },
    "test_reframe.py": {
        "test_the_command_line_says_what_it_decides_and_does_it": REFRAME,
        "test_rotated_files_and_those_that_start_late": REFRAME,
        "test_chunks_show_the_same_window_as_one_piece": REFRAME,
        "test_what_cannot_be_looked_at_is_centred_and_says_so": REFRAME,
        "test_the_first_rung_is_the_same_picture": REFRAME,
        "test_a_trimmed_title_keeps_the_uploads_times": REFRAME,
        "test_what_is_encoded_shows_it_in_the_middle": REFRAME,
    },
    "test_record.py": {
        "test_pauses_are_left_out_and_discarding_is_asked_about": RECORDINGS,
        "test_a_device_that_goes_ends_it_and_keeps_what_there_is": RECORDINGS,
        "test_where_it_is_full_it_ends_and_loses_nothing": RECORDINGS,
        "test_another_tab_leaves_alone_what_is_being_recorded": RECORDINGS,
        "test_a_browser_that_crashes_has_kept_it": RECORDINGS,
        "test_without_devices_it_says_what_to_do": RECORDINGS,
        "test_without_permission_it_says_what_to_do": RECORDINGS,
        "test_a_silent_microphone_is_told_before_anything_is_recorded": RECORDINGS,
        "test_where_the_browser_cannot_it_offers_nothing": RECORDINGS,
        "test_axe_finds_nothing_serious": RECORDINGS,
    },
    "test_thumbnail_images.py": {
        "test_memory_of_a_large_title": MEMORY,
        "test_tiles_of_a_film_are_the_frames_they_say": PICTURES,
    },
    "test_transcribe.py": {
        "test_what_is_said_and_when[russian]": "another language: make test hears one",
        "test_several_clips_at_once": "several clips: make test transcribes one",
        "test_memory_does_not_grow_from_window_to_window": MEMORY,
    },
    "test_sound.py": {"test_ten_minutes_that_may_be_copied_are_in_time_to_their_end": "ten minutes are measured"},
    "test_stack.py": {
        "test_all_killed_at_once_with_busy_sessions": KILLS,
        "test_killed_or_stopped_in_the_middle_of_the_first_start": KILLS,
        "test_when_up_is_killed_its_children_die_and_the_next_one_has_the_data": KILLS,
    },
    "test_options.py": {
        "test_a_part_of_another_asset_needs_no_upload": TITLES,
        "test_ingest_takes_the_wishes_of_encode": TITLES,
    },
    "test_chunks.py": {
        "test_every_frame_of_a_film_is_nearest_to_its_own": FILM,
        "test_joins_look_as_good_as_the_rest": FILM,
    },
    "test_write_door.py": {"test_an_upload_resumes_after_everything_was_killed": KILLS},
    "test_captions_editor.py": {
        "test_on_a_phone_the_player_stays_and_shows_what_is_typed": PLAYERS,
        "test_times_that_cannot_be_saved": "more of the editor: make test uses it by keyboard alone",
    },
    "test_watch_page.py": {
        "test_the_next_visit_resumes_until_the_end_was_seen": PLAYERS,
        "test_seeking_names_the_chapter": PLAYERS,
    },
    "test_check_seo.py": {"test_a_title_with_all_there_is": TITLES},
    "test_check_seo_library.py": {
        "test_a_library_of_two_hundred_has_no_faults": "twenty titles through the whole pipeline"
    },
    "test_seo_leaks.py": {"test_before_it_is_ready_and_after_it_is_deleted": TITLES},
    "test_storage.py": {
        "test_a_body_that_ends_early_is_transient[silent-get]": "waits for a time limit, as [silent-download] does"
    },
    "test_downloads.py": {"test_they_are_made_again_with_the_title": TITLES},
}


def reason_for(file: str, test: str) -> str | None:
    """Why this test (`test_x` or `test_x[parameter]`) of this file is left to acceptance; None for the others."""
    of_file = LONG.get(file, {})
    return of_file.get(test) or of_file.get(test.partition("[")[0])
