"""Still images of a title: posters, storyboard, preview, crops, and the path of an upright window over a wide video.

In: an uploaded or published video file and the facts of its video track (`VideoFacts`), or an image that an owner
uploaded. Out: image files in a work folder, with values that list them; a `CropPath`. Everything that decodes runs in
a child process inside the sandbox, and the output of a child is validated before it is used.

Refuses an uploaded image that is not a whole JPEG, PNG, WebP or AVIF still of sane size (`Rejected`
picture_refused). Never refuses a video: a title without a good frame gets its least bad one, marked low_confidence,
and what cannot be made is named with its reason. Stores nothing and knows no database.

thumbnails.reading: a file -> decoded frames. thumbnails.vision: what is measured in one frame. thumbnails.posters:
choosing poster candidates. thumbnails.images: making image files. thumbnails.uploaded: an image that an owner
uploads. thumbnails.reframe: the path of the upright window. thumbnails.experiments: statistics of poster experiments.
"""
