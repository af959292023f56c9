// Sources of Parquet
