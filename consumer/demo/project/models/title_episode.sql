select tconst, parenttconst, seasonnumber, episodenumber
from {{ source('files', 'title_episode_tsv') }}
