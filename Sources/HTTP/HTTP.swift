// Sources of HTTP
