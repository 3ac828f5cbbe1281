"""Still images of a title: posters, storyboard, preview, crops, and the path of an upright window over a wide video.

In: an uploaded or published video file and the facts of its video track (`VideoFacts`), or an image that an owner
uploaded. Out: image files in a work folder, with values that list them; a `CropPath`. Everything that decodes runs in
a child process inside the sandbox, and what a child answers is checked before it is believed.

Refuses an uploaded image that is not a whole JPEG, PNG, WebP or AVIF still of sane size (`Rejected`
picture_refused). Never refuses a video: a title without a good frame gets its least bad one, marked low_confidence,
and what cannot be made is named with its reason. Stores nothing and knows no database.

| part | modules | |---|---| | reading video | video_file (opens, seeks, decodes), reader (frames at exact times),
deinterlace, pixels, colour, picture (VideoFacts), of_rendition | | measuring frames | boxes, faces, saliency, edges,
text, bars, charts, look, transition, diverse | | choosing posters | posters (the call), posters_child, posters_wishes,
posters_select, sample, gates, flaws, rated, score, refine, reason | | making images | images (values), images_make (the
calls), pictures_child, images_encode, images_left, crop, crop_faces, thumbhash, storyboard, storyboard_sheets, preview
| | uploaded images | own (checks the header), own_decode, own_colour (ICC profiles) | | upright window | reframe (the
call), reframe_child, reframe_wide (request), reframe_frames, reframe_signals, reframe_boxes, reframe_cuts, reframe_path
| | poster experiments | clicks (who sees which), clicks_best (how likely each is the best) |
"""
