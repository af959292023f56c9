// Sources of Jobs
