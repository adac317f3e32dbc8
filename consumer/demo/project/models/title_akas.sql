select titleid, ordering, title, region, language, types, attributes, isoriginaltitle
from {{ source('files', 'title_akas_tsv') }}
