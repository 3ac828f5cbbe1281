"""EncodePlan -> ffmpeg command lines -> checked CMAF segments."""
