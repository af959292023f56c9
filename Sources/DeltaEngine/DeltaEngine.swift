// Sources of DeltaEngine
