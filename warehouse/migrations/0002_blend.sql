-- Models became blends: a model keeps its recipe and its weights, and the out-of-fold forecasts of
-- one model are replaced by those of its members, which are computed anew.
DROP TABLE IF EXISTS forecasting.out_of_fold;
ALTER TABLE forecasting.model_versions ADD COLUMN IF NOT EXISTS recipe VARCHAR;
ALTER TABLE forecasting.model_versions ADD COLUMN IF NOT EXISTS blend_weights VARCHAR;
