"""What people and crawlers see of a title: the watch page, the embed page, and the files of the player."""
